"""Who imports whom, read from the source alone: also what stands inside functions and behind conditions."""

from __future__ import annotations

import ast
import functools
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

DOTTED = re.compile(r"\b\w+(?:\.\w+)+")
IMPORT = re.compile(r"\bimport\s+(\w+)")
NAME = re.compile(r"\w+")
# Also with names that a text continues on further lines.
FROM_IMPORT = re.compile(r"\bfrom\s+([\w.]+)\s+import\s+(\([^)]*\)|(?:[^\n;]*\\\n)*[^\n;]*)")

__all__ = ("importers_of", "module_of", "modules_below")


def module_of(path: str) -> str:
    """Return the name of a module by its path from the root of the project."""
    name = path.removesuffix(".py").replace("/", ".")
    return name.removesuffix(".__init__")


def modules_below(root: Path, packages: Iterable[str]) -> dict[str, set[str]]:
    """Return what each module of some packages imports of the same packages, by names of modules.

    A module imports the packages around it, and those around whatever it imports. Imports are absolute here;
    a test sees to it.

    Raises:
        SyntaxError: a file is not Python.
    """
    named = {
        module_of(path.relative_to(root).as_posix()): _named_in(path.read_bytes(), str(path))
        for package in packages
        for path in sorted((root / package).rglob("*.py"))
    }
    return {
        name: {found for word in (name, *words) for found in _known(word, named)} - {name}
        for name, words in named.items()
    }


def importers_of(module: str, imports: Mapping[str, set[str]]) -> set[str]:
    """Return a module and all modules that import it, directly or through others."""
    found, new = set(), {module}
    while new:
        found |= new
        new = {name for name, imported in imports.items() if imported & new} - found
    return found


@functools.lru_cache(maxsize=2_000)
def _named_in(source: bytes, path: str) -> frozenset[str]:
    """Return the dotted names of a file; most files are the same from one look to the next."""
    return frozenset(_words(ast.parse(source, path)))


def _words(tree: ast.Module) -> Iterator[str]:
    """Yield every dotted name that an import, or a text that may be one, names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            # Hosts start `python -m matrix.child`, and run cells of text that import what they need.
            yield from DOTTED.findall(node.value)
            yield from IMPORT.findall(node.value)
            for package, names in FROM_IMPORT.findall(node.value):
                yield from (f"{package}.{name}" for name in NAME.findall(names))


def _known(word: str, modules: Mapping[str, object]) -> Iterator[str]:
    """Yield the modules that a dotted name leads to: itself, or what holds it, and the packages around."""
    parts = word.split(".")
    for length in range(1, len(parts) + 1):
        name = ".".join(parts[:length])
        if name in modules:
            yield name
