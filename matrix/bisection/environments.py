"""A version of a package, or of Python, as an environment in which the cell can be performed."""

from __future__ import annotations

import os
import re
import site
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from matrix.bisection.seen import Once
from matrix.interpreters import found
from matrix.interpreters.declared import PYPROJECT, Declared
from matrix.interpreters.environment import Environment, InstallError
from matrix.model import Outcome
from matrix.python_path import python_path
from matrix.recorded import RecordedError, read_run, text_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matrix.model import Cell

__all__ = (
    "Installer",
    "Place",
    "PlaceError",
    "like_this_one",
    "performed",
    "said_by",
    "with_python",
    "with_version",
)

CODE = PYPROJECT.parent
"""Where ``matrix`` and ``agent_runtime`` are imported from, in every environment."""
_SHOWN = 12
"""How many of the last lines of a program's output an error shows."""
_ASK = """
import importlib.metadata, sys
found = importlib.metadata.distribution(sys.argv[1])
print(found.version)
"""
_AVAILABLE = re.compile(r"^Available versions: (.*)$", re.MULTILINE)


class PlaceError(Exception):
    """An environment cannot be made, or performs nothing; the text ends with what was said last."""


@dataclass(frozen=True)
class Place:
    """One environment.

    Attributes:
        name: the version that it is there for.
        python: its interpreter.
    """

    name: str
    python: Path


@dataclass(frozen=True)
class Installer:
    """The user's pip, with the options that say where wheels come from; its own settings hold, too.

    Attributes:
        package: the name of a project, as pip takes it.
        options: ``--find-links``, ``--index-url`` and the like.
    """

    package: str
    options: tuple[str, ...] = ()

    def versions(self) -> list[str]:
        """Return the versions that pip can find, oldest first.

        Raises:
            PlaceError: pip fails, or finds none.
        """
        said = said_by([*_PIP, "index", "versions", self.package, *self.options])
        listed = _AVAILABLE.search(said)
        if listed is None:
            raise PlaceError(
                f"pip names no versions of {self.package}; name them: --versions 1.0,1.1\n{said}"
            )
        return [version.strip() for version in reversed(listed[1].split(","))]

    def install(self, python: Path, version: str) -> None:
        """Install one version into the environment of an interpreter, and see that it is there.

        Raises:
            PlaceError: pip fails, or another version is found there afterwards.
        """
        wanted = f"{self.package}=={version}"
        pip = [*_PIP, "--python", str(python), "install", "--quiet", "--no-input", *self.options, wanted]
        said_by(pip)
        there = said_by([str(python), "-I", "-c", _ASK, self.package]).strip()
        if _trimmed(there) != _trimmed(version):
            raise PlaceError(f"pip was to install {wanted}, and {there} is what is imported there")


_PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]


def with_version(installer: Installer, version: str, folder: Path) -> Place:
    """Make an environment that has one version of a package, and for the rest what this one has.

    Raises:
        PlaceError: it cannot be made.
    """
    python = like_this_one(folder / version)
    installer.install(python, version)
    return Place(version, python)


def like_this_one(home: Path) -> Path:
    """Make an environment that has what this one has; what is installed there comes first.

    Returns:
        Its interpreter.

    Raises:
        PlaceError: it cannot be made.
    """
    said_by([sys.executable, "-m", "venv", "--without-pip", str(home)])
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    packages = said_by([str(python), "-I", "-c", "import site; print(site.getsitepackages()[0])"]).strip()
    # After what the environment has itself, so that the version installed there is the one that is imported.
    lines = [f"import site; site.addsitedir({path!r})" for path in _packages_here()]
    Path(packages, "what-this-one-has.pth").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return python


def with_python(name: str, folder: Path) -> Place:
    """Return the environment of an interpreter: a path to one as it is, or one made for a version.

    Raises:
        PlaceError: there is no such interpreter, or its environment cannot be made.
    """
    if os.sep in name or (os.altsep and os.altsep in name):
        # Not resolved: the link in a virtual environment is what makes it one.
        path = Path(os.path.abspath(name))
        if not path.is_file():
            raise PlaceError(f"{name}: there is no such file; name the interpreter of an environment")
        if found.ask(path) is None:
            raise PlaceError(f"{name}: {found.NOT_ONE}")
        return Place(name, path)
    here = {one.name: one for one in found.interpreters(found.candidates(os.environ))}
    if name not in here:
        raise PlaceError(f"no Python {name} is found; there are {', '.join(here)}; or write a path to one")
    environment = Environment(here[name], folder / name)
    declared = Declared.read()
    try:
        environment.create()
        environment.install(CODE, declared.required, declared.optional)
    except InstallError as error:
        raise PlaceError(str(error)) from error
    return Place(name, environment.python)


def performed(place: Place, cell: Cell, *, registry: Path, folder: Path) -> Once:
    """Perform a cell once in an environment; blocks until it is judged.

    Raises:
        PlaceError: the matrix cannot be run there.
    """
    results = folder / "results"
    command = [str(place.python), "-m", "matrix", "run", "--json", "--jobs", "1", "--cell", cell.id]
    options = {"registry": registry, "results": results, "expectations": folder / "none.toml"}
    command += [word for key, value in options.items() for word in (f"--{key}", str(value))]
    variables = {key: value for key, value in os.environ.items() if key != "CI"}
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        cwd=folder,
        env={**variables, "PYTHONPATH": python_path(CODE)},
        check=False,
    )
    try:
        (record,) = read_run(results).records
    except RecordedError as error:
        raise PlaceError(f"{place.python} cannot run the matrix\n{_end_of(done.stderr)}") from error
    finally:
        (results / "matrix.ndjson").unlink(missing_ok=True)
    outcome = Outcome(text_of(record, "outcome"))
    return Once(outcome, text_of(record, "signature"), text_of(record, "detail"))


def _packages_here() -> list[str]:
    """Return the folders of packages that this interpreter imports from."""
    folders = [*site.getsitepackages(), *([site.getusersitepackages()] if site.ENABLE_USER_SITE else [])]
    return [folder for folder in folders if Path(folder).is_dir()]


def said_by(command: Sequence[str]) -> str:
    """Run a program; return what it printed, or raise if it failed."""
    variables = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=variables, check=False
    )
    if done.returncode:
        raise PlaceError(f"{' '.join(command[:6])} ... failed\n{_end_of(done.stderr or done.stdout)}")
    return done.stdout


def _trimmed(version: str) -> str:
    """Return a version without the zeros at its end that mean nothing."""
    return re.sub(r"(\.0)+$", "", version.strip().lower())


def _end_of(said: str) -> str:
    return "\n".join(said.strip().splitlines()[-_SHOWN:])
