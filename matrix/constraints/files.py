"""Which file of ``constraints/`` is an interpreter's."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ("constraints_for",)


def constraints_for(project: Path, version: tuple[int, ...], *, free_threaded: bool = False) -> Path:
    """Return the file of constraints for a version of CPython; a build without the GIL may have its own.

    Raises:
        FileNotFoundError: there is none; the text says what to do.
    """
    name = ".".join(map(str, version[:2]))
    own = project / "constraints" / f"{name}t.txt"
    if free_threaded and own.is_file():
        return own
    path = project / "constraints" / f"{name}.txt"
    if not path.is_file():
        there = sorted(one.stem for one in path.parent.glob("3.*.txt"))
        raise FileNotFoundError(
            f"there is no constraints/{name}.txt to say what to install on CPython {name}, only"
            f" {', '.join(there) or 'none'}. Declare {name} in pyproject.toml's classifiers, and run"
            " nox -s constraints"
        )
    return path
