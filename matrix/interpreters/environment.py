"""One virtual environment an interpreter, kept from run to run, and what could not be installed in it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from matrix.constraints.files import constraints_for
from matrix.constraints.wheels import left_out_by

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from matrix.interpreters.found import Interpreter

__all__ = ("ENVIRONMENTS", "Environment", "InstallError")

ENVIRONMENTS = Path(".nox", "of-interpreters")
"""Where environments of interpreters are kept, by version."""

_NO_WHEEL = re.compile(r"No matching distribution found for ([A-Za-z0-9._-]+)")
_PROJECT_NAME = re.compile(r"[A-Za-z0-9._-]+")
_SHOWN = 20
"""How many of the last lines of an installer's output an error shows."""


class InstallError(Exception):
    """An environment could not be made; the text ends with what the installer said last."""


class Environment:
    """The virtual environment of one interpreter.

    Args:
        interpreter: what to make it with.
        folder: where it is, or will be.
    """

    def __init__(self, interpreter: Interpreter, folder: Path) -> None:
        self._interpreter = interpreter
        self._folder = folder
        self._made_with = folder / "made-with.txt"

    @property
    def python(self) -> Path:
        """The interpreter inside."""
        if os.name == "nt":
            return self._folder / "Scripts" / "python.exe"
        return self._folder / "bin" / "python"

    @property
    def variables(self) -> dict[str, str]:
        """What commands in here get as their environment."""
        variables = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        variables["PATH"] = os.pathsep.join([str(self.python.parent), variables.get("PATH", "")])
        variables["VIRTUAL_ENV"] = str(self._folder)
        if self._interpreter.free_threaded:
            # A C extension that is not marked as safe would switch the GIL on for the whole process.
            variables["PYTHON_GIL"] = "0"
        return variables

    def create(self) -> None:
        """Make the environment, unless it is there and made with this very interpreter.

        Raises:
            InstallError: it cannot be made.
        """
        made_with = f"{self._interpreter.executable} {self._interpreter.release}\n"
        if self._made_with.exists() and self._made_with.read_text(encoding="utf-8") == made_with:
            return
        shutil.rmtree(self._folder, ignore_errors=True)
        # Not `venv`: it needs ensurepip, which the interpreters of some systems come without.
        command = [sys.executable, "-m", "virtualenv", "--quiet", "-p", self._interpreter.executable]
        _must([*command, str(self._folder)], dict(os.environ))
        self._made_with.write_text(made_with, encoding="utf-8")

    def install(
        self, project: Path | None, required: Iterable[str], optional: Iterable[str]
    ) -> dict[str, str]:
        """Install a project, what it requires here and, as far as there are wheels, what is optional.

        Args:
            project: a folder to install so that changes in it count at once, with the versions that its
                ``constraints/`` names for this interpreter; or None.
            required: requirements without which nothing can run; built from source if need be.
            optional: requirements that are left out where they, or what they need, have no wheel.

        Returns:
            For each optional project that was left out, why; first, what the constraints say has no wheel.

        Raises:
            InstallError: something required cannot be installed, or the installer failed otherwise.
        """
        pip = [str(self.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        wheels_only = [*pip, "--only-binary", ":all:"]
        editable = [] if project is None else [*self._constrained(project), "-e", str(project)]
        named = left_out_by(Path(editable[1]).read_text(encoding="utf-8")) if editable else set()
        left_out = dict.fromkeys(sorted(named), "has no wheel, or needs what has none")
        required, optional = [*editable, *required], [one for one in optional if _name_of(one) not in named]
        if _failure([*wheels_only, *required, *optional], self.variables) is None:
            return left_out
        _must([*pip, *required], self.variables)
        pins = [] if project is None else self._constrained(project)
        for requirement in optional:
            said = _failure([*wheels_only, *pins, requirement], self.variables)
            if said is not None:
                left_out[_name_of(requirement)] = _reason(requirement, said)
        return left_out

    def _constrained(self, project: Path) -> list[str]:
        try:
            here = self._interpreter
            path = constraints_for(project, here.version, free_threaded=here.free_threaded)
            return ["-c", str(path)]
        except FileNotFoundError as error:
            raise InstallError(str(error)) from error


def _must(command: list[str], variables: Mapping[str, str]) -> None:
    """Run an installer; raise if it fails."""
    said = _failure(command, variables)
    if said is not None:
        raise InstallError(f"{' '.join(command)}\n{_end_of(said)}")


def _failure(command: list[str], variables: Mapping[str, str]) -> str | None:
    """Run an installer; return what it said if it failed."""
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=variables,
        check=False,
    )
    return done.stdout if done.returncode else None


def _reason(requirement: str, said: str) -> str:
    """Return why a requirement is left out; raise if what the installer said is no reason for that."""
    missing = _NO_WHEEL.search(said)
    if missing is None:
        raise InstallError(f"{requirement} cannot be installed\n{_end_of(said)}")
    name = _name_of(missing[1])
    return "has no wheel" if name == _name_of(requirement) else f"needs {name}, which has no wheel"


def _name_of(requirement: str) -> str:
    """Return the name of the project that a requirement asks for."""
    name = _PROJECT_NAME.match(requirement)
    return requirement if name is None else name[0]


def _end_of(said: str) -> str:
    return "\n".join(said.splitlines()[-_SHOWN:])
