"""Where the sources of a cell are: file and line, from the folder that a reader stands in."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING

from matrix.promises import CONTRACT
from matrix.registry import BUILT_IN

if TYPE_CHECKING:
    from matrix.model import AnyFunction
    from matrix.registry import Registry

__all__ = ("of_function", "of_promise", "of_statement")


def of_function(registry: Registry, function: AnyFunction) -> str:
    """Return where a function begins."""
    code = inspect.unwrap(function).__code__
    return _place(registry, Path(code.co_filename), code.co_firstlineno)


def of_statement(registry: Registry, folder: str, name: str, attribute: str) -> str:
    """Return where a file of a registry states what it is."""
    path = registry.root / folder / f"{name}.py"
    return _place(registry, path, _line_of(path, rf"{attribute}\b"))


def of_promise(number: str) -> str:
    """Return where the contract speaks of a promise; empty where the contract is not at hand."""
    if not CONTRACT.is_file():
        return ""
    return f"docs/{CONTRACT.name}:{_line_of(CONTRACT, rf'## {number} ')}"


def _line_of(path: Path, beginning: str) -> int:
    lines = path.read_text(encoding="utf-8").splitlines()
    return next((number for number, line in enumerate(lines, 1) if re.match(beginning, line)), 1)


def _place(registry: Registry, path: Path, line: int) -> str:
    """Return a place from the project's folder, or from the registry's own if it is another."""
    base = BUILT_IN.resolve().parent if registry.root == BUILT_IN.resolve() else registry.root
    found = path.resolve()
    shown = found.relative_to(base) if found.is_relative_to(base) else Path(found.name)
    return f"{shown.as_posix()}:{line}"
