"""Which CPythons there are on this machine: on the PATH, with pyenv, with uv, and whatever runs this."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ("Interpreter", "ask", "candidates", "interpreters")

OLDEST = (3, 11)
"""As ``requires-python`` says; a test compares the two."""
NOT_ONE = f"this is no CPython {OLDEST[0]}.{OLDEST[1]} or later that can be started"
"""What there is to say of a path for which :func:`ask` returns None."""
_NAME = re.compile(r"python(3(\.\d+t?)?)?(\.exe)?")
_ANSWER_LIMIT = 30.0
"""Seconds for an interpreter to say what it is, which takes 0.02 s on an idle machine."""
_QUESTION = """
import json, platform, sys, sysconfig
print(json.dumps({
    "implementation": platform.python_implementation(),
    "version": list(sys.version_info[:3]),
    "release": platform.python_version(),
    "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    "executable": getattr(sys, "_base_executable", None) or sys.executable,
}))
"""


@dataclass(frozen=True)
class Interpreter:
    """One CPython.

    Attributes:
        executable: its path; never that of a virtual environment.
        version: major, minor and micro.
        release: the version as it names itself, ``3.15.0rc1``.
        free_threaded: whether it is a build without the GIL.
    """

    executable: str
    version: tuple[int, int, int]
    release: str
    free_threaded: bool = False

    @property
    def name(self) -> str:
        """The version as declarations and sessions name it: ``3.14`` or ``3.14t``."""
        return f"{self.version[0]}.{self.version[1]}{'t' if self.free_threaded else ''}"

    @property
    def is_final(self) -> bool:
        """Whether this is a release, not a preview of one."""
        return re.fullmatch(r"[\d.]+", self.release) is not None


def ask(path: Path) -> Interpreter | None:
    """Return what the program at ``path`` is; None if it is no CPython that can be used, or says nothing.

    A path into a virtual environment gives the interpreter that it was made with.
    """
    try:
        said = subprocess.run(
            [str(path), "-I", "-c", _QUESTION],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_ANSWER_LIMIT,
            check=True,
        ).stdout
        answer = json.loads(said)
        major, minor, micro = answer["version"]
        if answer["implementation"] != "CPython" or (major, minor) < OLDEST:
            return None
        return Interpreter(
            answer["executable"], (major, minor, micro), answer["release"], answer["free_threaded"]
        )
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError):
        return None


def candidates(environment: Mapping[str, str]) -> Iterator[Path]:
    """Yield every program that may be an interpreter, the most wanted first."""
    yield Path(sys.executable)
    home = Path(environment.get("HOME") or Path.home())
    pyenv = Path(environment.get("PYENV_ROOT") or home / ".pyenv")
    data = Path(environment.get("XDG_DATA_HOME") or home / ".local" / "share")
    uv = Path(environment.get("UV_PYTHON_INSTALL_DIR") or data / "uv" / "python")
    folders = [Path(folder) for folder in environment.get("PATH", "").split(os.pathsep) if folder]
    for folder in [*folders, *_installed(pyenv / "versions"), *_installed(uv)]:
        if folder != pyenv / "shims":  # they start what the current folder selects, or nothing
            yield from (file for file in _entries(folder) if _NAME.fullmatch(file.name))


def _installed(root: Path) -> list[Path]:
    """Return where the interpreters are of an installation that keeps one folder a version."""
    return [place for folder in _entries(root) for place in (folder / "bin", folder)]


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def interpreters(paths: Iterable[Path]) -> list[Interpreter]:
    """Return one interpreter a version, sorted: of several the newest release, then the first."""
    best: dict[str, Interpreter] = {}
    asked: set[Path] = set()
    for path in paths:
        real = path.resolve()
        if real in asked:
            continue
        asked.add(real)
        one = ask(path)
        if one is None:
            continue
        known = best.get(one.name)
        if known is None or (one.is_final, one.version) > (known.is_final, known.version):
            best[one.name] = one
    return sorted(best.values(), key=lambda one: (one.version, one.free_threaded))
