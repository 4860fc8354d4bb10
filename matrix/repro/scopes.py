"""Which names of a statement are its module's own: Python's rules of scope, read from the syntax tree."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ("bound_by", "globals_of")

Function = ast.FunctionDef | ast.AsyncFunctionDef
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def globals_of(statement: ast.stmt) -> list[ast.Name]:
    """Return every use of a name in ``statement`` that means the module's, in annotations and casts too."""
    visitor = Uses()
    visitor.visit(statement)
    return visitor.found


def bound_by(body: Iterable[ast.AST]) -> set[str]:
    """Return the names that statements bind in their own scope."""
    names: set[str] = set()
    for node in _of_this_scope(body):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                names.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                names |= {alias.asname or alias.name.partition(".")[0] for alias in aliases}
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
                names.add(name)
            case ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
                names.add(name)
    declared = {
        name
        for node in _of_this_scope(body)
        if isinstance(node, ast.Global | ast.Nonlocal)
        for name in node.names
    }
    return names - declared


def _of_this_scope(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Walk nodes, but not into functions and classes, which have scopes of their own."""
    for node in body:
        yield node
        if isinstance(node, Comprehension):
            # Its targets are its own; an assignment expression inside binds out here.
            yield from (part for part in ast.walk(node) if isinstance(part, ast.NamedExpr))
            yield from (part.target for part in ast.walk(node) if isinstance(part, ast.NamedExpr))
        elif not isinstance(node, SCOPES):
            yield from _of_this_scope(ast.iter_child_nodes(node))


class Uses(ast.NodeVisitor):
    """Collects the names that no scope between them and the module binds."""

    def __init__(self) -> None:
        self.found: list[ast.Name] = []
        # Innermost last; whether it is a class, whose names its functions do not see.
        self._scopes: list[tuple[bool, set[str]]] = []

    def visit_Name(self, node: ast.Name) -> None:
        """Keep a name that nobody binds on the way out."""
        innermost = len(self._scopes) - 1
        if not any(
            node.id in names and (number == innermost or not is_class)
            for number, (is_class, names) in enumerate(self._scopes)
        ):
            self.found.append(node)

    def visit_Global(self, node: ast.Global) -> None:
        """Keep what is declared to be the module's, whether or not it is used besides."""
        self.found += [ast.copy_location(ast.Name(name, ast.Load()), node) for name in node.names]

    def visit_Call(self, node: ast.Call) -> None:
        """Look into the type of a cast, which is a text."""
        self.generic_visit(node)
        match node:
            case ast.Call(func=ast.Name(id="cast"), args=[ast.Constant(value=str(text)), _]):
                self.found += [one for one in ast.walk(ast.parse(text)) if isinstance(one, ast.Name)]

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """Enter a function."""
        self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        """Enter an async function."""
        self._function(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """Enter a lambda."""
        self._all([*node.args.defaults, *filter(None, node.args.kw_defaults)])
        self._inside([node.body], _arguments(node.args))

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """Enter the body of a class."""
        self._all([*node.decorator_list, *node.bases, *node.keywords])
        self._inside(node.body, bound_by(node.body), is_class=True)

    def visit_ListComp(self, node: ast.ListComp) -> None:
        """Enter a comprehension."""
        self._comprehension(node, [node.elt])

    def visit_SetComp(self, node: ast.SetComp) -> None:
        """Enter a comprehension."""
        self._comprehension(node, [node.elt])

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        """Enter a generator expression."""
        self._comprehension(node, [node.elt])

    def visit_DictComp(self, node: ast.DictComp) -> None:
        """Enter a comprehension."""
        self._comprehension(node, [node.key, node.value])

    def _comprehension(self, node: Comprehension, parts: Sequence[ast.AST]) -> None:
        first, *_ = node.generators
        self.visit(first.iter)
        targets = {
            name.id for one in node.generators for name in ast.walk(one.target) if isinstance(name, ast.Name)
        }
        conditions = [part for one in node.generators for part in [one.target, *one.ifs]]
        later = [one.iter for one in node.generators[1:]]
        self._inside([*parts, *conditions, *later], targets)

    def _function(self, node: Function) -> None:
        arguments = node.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        every += [one for one in (arguments.vararg, arguments.kwarg) if one is not None]
        annotations = [one.annotation for one in every if one.annotation is not None]
        outside = [*node.decorator_list, *arguments.defaults, *filter(None, arguments.kw_defaults)]
        self._all([*outside, *annotations, *filter(None, [node.returns])])
        self._inside(node.body, bound_by(node.body) | _arguments(arguments))

    def _inside(self, nodes: Iterable[ast.AST], names: set[str], *, is_class: bool = False) -> None:
        self._scopes.append((is_class, names))
        self._all(nodes)
        self._scopes.pop()

    def _all(self, nodes: Iterable[ast.AST]) -> None:
        for node in nodes:
            self.visit(node)


def _arguments(arguments: ast.arguments) -> set[str]:
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    every += [one for one in (arguments.vararg, arguments.kwarg) if one is not None]
    return {one.arg for one in every}
