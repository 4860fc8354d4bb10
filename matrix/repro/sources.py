"""A module as definitions that can be taken out one by one: what each binds, needs, and looks like."""

from __future__ import annotations

import ast
import functools
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from matrix.repro.scopes import bound_by, globals_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ("Definition", "FlattenError", "Imported", "Module", "module_of", "source_of")

# What linters and type checkers of this project are told means nothing elsewhere; a reason behind it does.
FOR_LINTERS = re.compile(r"  # (?:noqa|type): ?[\w\[\], -]*?(?:(?: - |  # )(?P<reason>.*))?$")


class FlattenError(Exception):
    """Code of a cell cannot stand in a script of its own; the text names file, line and what it is."""


@dataclass(frozen=True)
class Imported:
    """What an import binds.

    Attributes:
        module: the module's name.
        name: the name in it; empty for the module itself.
        only_for_types: whether it stands below ``if TYPE_CHECKING``.
    """

    module: str
    name: str
    only_for_types: bool = False


@dataclass(frozen=True)
class Definition:
    """One statement at the top of a module, with its comment above and its text below.

    Attributes:
        lines: its lines in the file, from 0; the end is not included.
        statement: its tree.
        names: what it binds.
    """

    lines: tuple[int, int]
    statement: ast.stmt
    names: frozenset[str]

    @cached_property
    def uses(self) -> list[ast.Name]:
        """The names of the module that it needs."""
        return globals_of(self.statement)


@dataclass(frozen=True)
class Module:
    """One file.

    Attributes:
        name: its name in imports.
        where: what to call it in messages.
        about: its docstring.
        lines: its text.
        definitions: in order.
        imports: what its imports bind, by name.
    """

    name: str
    where: str
    about: str
    lines: tuple[str, ...]
    definitions: tuple[Definition, ...]
    imports: Mapping[str, tuple[Imported, ...]] = field(default_factory=dict)

    def definition_of(self, name: str) -> Definition | None:
        """Return the definition that binds a name."""
        return next((one for one in self.definitions if name in one.names), None)

    def text_of(self, definition: Definition, renamed: Mapping[str, str]) -> str:
        """Return a definition as it stands in a script, with other names for some of the module's."""
        first, end = definition.lines
        lines = [line.encode() for line in self.lines]
        for line, start, stop, new in sorted(_edits(self, definition, renamed), reverse=True):
            lines[line] = lines[line][:start] + new.encode() + lines[line][stop:]
        return "\n".join(FOR_LINTERS.sub(_reason, line.decode()) for line in lines[first:end])


def module_of(name: str, text: str, where: str) -> Module:
    """Return a module from its text.

    Raises:
        FlattenError: a statement is neither definition nor import.
    """
    tree, lines = ast.parse(text), text.splitlines()
    imports: dict[str, tuple[Imported, ...]] = {}
    definitions: list[Definition] = []
    statements = tree.body[1:] if ast.get_docstring(tree) else tree.body
    for statement in statements:
        match statement:
            case ast.Import() | ast.ImportFrom() | ast.If(test=ast.Name(id="TYPE_CHECKING"), orelse=[]):
                for bound, imported in _imported(statement):
                    # More than one where `import a.b` and `import a.c` both bind a.
                    imports[bound] = (*imports.get(bound, ()), imported)
            case ast.Expr(value=ast.Constant(value=str())) if definitions:
                last = definitions.pop()
                lines_too = (last.lines[0], statement.end_lineno or 0)
                definitions.append(Definition(lines_too, last.statement, last.names))
            case _:
                definitions.append(_definition(statement, lines, where))
    return Module(name, where, ast.get_docstring(tree) or "", tuple(lines), tuple(definitions), imports)


@functools.lru_cache(maxsize=200)
def source_of(name: str, path: Path) -> Module:
    """Return the module in a file, read once; raises as :func:`module_of` does."""
    return module_of(name, path.read_text(encoding="utf-8"), str(path))


def _definition(statement: ast.stmt, lines: list[str], where: str) -> Definition:
    names = bound_by([statement])
    if not names or not isinstance(
        statement, ast.Assign | ast.AnnAssign | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    ):
        raise FlattenError(
            f"{where}:{statement.lineno}: {ast.unparse(statement).splitlines()[0]!r} is no definition and no"
            " import; put it into a function, so that it can stand in a script"
        )
    decorators = getattr(statement, "decorator_list", [])
    first = min([statement.lineno, *(one.lineno for one in decorators)]) - 1
    while first > 0 and lines[first - 1].startswith("#"):
        first -= 1
    return Definition((first, statement.end_lineno or 0), statement, frozenset(names))


def _imported(statement: ast.stmt, *, only_for_types: bool = False) -> Iterator[tuple[str, Imported]]:
    if isinstance(statement, ast.If):
        for one in statement.body:
            yield from _imported(one, only_for_types=True)
    elif isinstance(statement, ast.Import):
        for alias in statement.names:
            bound = alias.asname or alias.name.partition(".")[0]
            yield bound, Imported(alias.name, "", only_for_types)
    elif isinstance(statement, ast.ImportFrom):
        for alias in statement.names:
            imported = Imported(statement.module or "", alias.name, only_for_types)
            yield alias.asname or alias.name, imported


def _edits(
    module: Module, definition: Definition, renamed: Mapping[str, str]
) -> Iterator[tuple[int, int, int, str]]:
    """Return line, first and last byte, and new text of each use of a name that has another one."""
    statement = definition.statement
    for use in definition.uses:
        if use.id in renamed:
            yield _edit(module, use, renamed[use.id])
    if (
        isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and statement.name in renamed
    ):
        line = module.lines[statement.lineno - 1]
        start = line.index(statement.name, line.index("class " if "class " in line else "def ") + 4)
        yield statement.lineno - 1, start, start + len(statement.name), renamed[statement.name]


def _edit(module: Module, use: ast.Name, new: str) -> tuple[int, int, int, str]:
    line, start = use.lineno - 1, use.col_offset
    stop = start + len(use.id.encode())
    if module.lines[line].encode()[start:stop] != use.id.encode():
        # Up to Python 3.11 the tree does not say where in an f-string a name stands.
        raise FlattenError(
            f"{module.where}:{use.lineno}: {use.id!r} needs another name in a script, and stands in a text;"
            " give it a name that no other file of the cell has"
        )
    return line, start, stop, new


def _reason(comment: re.Match[str]) -> str:
    return f"  # {comment['reason']}" if comment["reason"] else ""
