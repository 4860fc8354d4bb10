"""What ``pyproject.toml`` asks for, and which file of ``constraints/`` names versions for it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.requirements import Requirement

from matrix.interpreters.declared import PYPROJECT, Declared, requirements_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ("NOX", "Wanted", "all_wanted", "tried_wanted")

NOX = "nox"
"""The file that the README installs nox from; the same for every Python."""


@dataclass(frozen=True)
class Wanted:
    """What one file has to name versions for.

    Attributes:
        name: the file's, without folder and ``.txt``: 3.11, runtimes-3.11, nox.
        pythons: the versions of Python that it is for, oldest first.
        requirements: as pyproject.toml writes them.
    """

    name: str
    pythons: tuple[str, ...]
    requirements: tuple[str, ...]


def all_wanted(pyproject: Path = PYPROJECT) -> Iterator[Wanted]:
    """Yield what each file is for: nox, then for each supported version all groups, and each group apart."""
    declared = Declared.read(pyproject)
    data = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    groups = data.get("dependency-groups", {})
    apart = data.get("tool", {}).get("constraints", {}).get("apart", ())
    of_groups = {name: requirements_of(groups, name, pyproject) for name in groups}
    together = _needed_by(
        data, (one for name, ones in of_groups.items() if name not in apart for one in ones)
    )
    yield Wanted(
        NOX, declared.supported, tuple(one for one in together if Requirement(one).name.lower() == NOX)
    )
    for python in declared.supported:
        yield Wanted(python, (python,), together)
        for name in apart:
            yield Wanted(f"{name}-{python}", (python,), _needed_by(data, of_groups[name], extras=False))


def tried_wanted(pyproject: Path = PYPROJECT) -> Iterator[tuple[Wanted, tuple[str, ...]]]:
    """Yield what the file of each build without the GIL is for, and what it leaves out if it has to.

    That is what `nox -s interpreters` installs there.
    """
    declared = Declared.read(pyproject)
    data = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    required = _needed_by(data, declared.required, extras=False)
    for name in declared.tried:
        yield Wanted(name, (name.removesuffix("t"),), required), declared.optional


def _needed_by(data: dict[str, Any], more: Iterable[str], *, extras: bool = True) -> tuple[str, ...]:
    """Return what the project, its build and, where asked for, its extras need, and some more; each once."""
    project = data["project"]
    optional = project.get("optional-dependencies", {}) if extras else {}
    found = [
        *project.get("dependencies", ()),
        *data.get("build-system", {}).get("requires", ()),
        *(one for ones in optional.values() for one in ones),
        *more,
    ]
    return tuple(dict.fromkeys(found))
