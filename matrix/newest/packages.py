"""What is installed, an environment with the newest versions, and those that have some of them."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matrix.bisection.environments import like_this_one, said_by

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ("Difference", "differences", "installed", "newest", "some_newest")

_ASK = """
import importlib.metadata, json, re
found = {}
for one in importlib.metadata.distributions():
    found.setdefault(re.sub(r"[-_.]+", "-", one.name).lower(), one.version)
print(json.dumps(found))
"""
_PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]


@dataclass(frozen=True, order=True)
class Difference:
    """A package of which the newest version is another than the tested one.

    Attributes:
        name: the package's, in its normal form.
        tested: the version that is tested; empty where it is not among those.
        newest: the newest that fits.
    """

    name: str
    tested: str
    newest: str

    def __str__(self) -> str:
        return f"{self.name} {self.newest} (tested: {self.tested or 'without'})"


def installed(python: Path) -> dict[str, str]:
    """Return the versions in an interpreter's environment by normal name; raise PlaceError if it fails."""
    found: dict[str, str] = json.loads(said_by([str(python), "-I", "-c", _ASK]))
    return found


def newest(home: Path, project: Path, requirements: Sequence[str], options: Sequence[str]) -> Path:
    """Make an environment with the newest version of everything, and the project from its folder.

    Blocks while pip installs, which needs minutes.

    Args:
        home: where it goes.
        project: what is installed so that changes in it count at once; left out where it has no build.
        requirements: what else is installed.
        options: pip's, such as ``--pre``.

    Returns:
        Its interpreter.

    Raises:
        PlaceError: it cannot be made; the text ends with what pip said.
    """
    said_by([sys.executable, "-m", "venv", "--without-pip", "--clear", str(home)])
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    editable = ["-e", str(project)] if "[build-system]" in (project / "pyproject.toml").read_text() else []
    command = [*_PIP, "--python", str(python), "install", "--quiet", "--no-input", *options]
    said_by([*command, *editable, *requirements])
    return python


def differences(tested: Mapping[str, str], new: Mapping[str, str]) -> tuple[Difference, ...]:
    """Return the packages whose versions differ, and those that newer versions brought."""
    return tuple(
        Difference(name, tested.get(name, ""), version)
        for name, version in sorted(new.items())
        if tested.get(name) != version
    )


def some_newest(home: Path, part: Sequence[Difference], options: Sequence[str]) -> Path:
    """Make an environment with the newest versions of some packages, and for the rest what is here.

    Raises:
        PlaceError: it cannot be made.
    """
    python = like_this_one(home)
    pins = [f"{one.name}=={one.newest}" for one in part]
    if pins:  # what they need is as it is here, or among them
        command = [*_PIP, "--python", str(python), "install", "--quiet", "--no-input", "--no-deps"]
        said_by([*command, *options, *pins])
    return python
