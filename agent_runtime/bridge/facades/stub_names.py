"""Names in a stub: where those of the async source come from, and what the stub calls them."""

from __future__ import annotations

import ast
import builtins
import functools
import importlib.util
import inspect
import sys
from collections.abc import AsyncIterable, Iterator
from contextlib import AbstractAsyncContextManager
from types import ModuleType
from typing import Any

from agent_runtime.bridge.facades.signatures import SYNC_FORMS

__all__ = ("Scope", "StubNames", "last_name", "source_of", "statements", "unquoted")

Origin = tuple[str, str | None]
"""Module and name in it; no name for the module itself."""


class StubNames:
    """The imports of one stub; a name that two modules use for two things gets a number.

    Args:
        facades: for each async class, what the stub calls its facade.
    """

    def __init__(self, facades: dict[type, str]) -> None:
        self.facades = facades
        self._taken: dict[str, Origin] = {name: ("", name) for name in facades.values()}

    def use(self, module: str, name: str | None, wanted: str | None = None) -> str:
        """Return what the stub calls a name of a module, and see to its import."""
        module = _home_of(module, name)
        wanted = wanted or name or module
        number, candidate = 2, wanted
        while self._taken.setdefault(candidate, (module, name)) != (module, name):
            number, candidate = number + 1, f"{wanted}_{number}"
        return candidate

    def name(self, module: str, name: str) -> ast.expr:
        """Return a name of a module as the stub writes it."""
        return ast.Name(self.use(module, name))

    def any(self) -> ast.expr:
        """Return the annotation of what has none."""
        return self.name("typing", "Any")

    def imports(self) -> list[str]:
        """Return the import statements of everything used so far."""
        modules, listed = [], dict[str, list[str]]()
        for local, (module, name) in self._taken.items():
            if name is None:
                modules.append(f"import {module}" + (f" as {local}" if local != module else ""))
            elif module:
                listed.setdefault(module, []).append(name + (f" as {local}" if local != name else ""))
        return sorted(modules) + [
            f"from {each} import {', '.join(sorted(listed[each]))}" for each in sorted(listed)
        ]


def _home_of(module: str, name: str | None) -> str:
    """Return the package that a class says it is from, where its own module is a part of that."""
    if (module, name) == ("typing_extensions", "Self"):
        return "typing"
    value = getattr(sys.modules.get(module), name or "", None)
    home = getattr(value, "__module__", None) or module
    is_public = module.startswith(f"{home}.") and getattr(sys.modules.get(home), name or "", None) is value
    return home if is_public else module


class Scope:
    """What names mean where some annotation was written.

    Args:
        names: of the stub.
        module: where the annotation was written.
        own: names with a meaning of their own, type parameters say, and what the stub writes for them.
    """

    def __init__(self, names: StubNames, module: ModuleType, own: dict[str, str]) -> None:
        self.names = names
        self.module = module
        self.own = own

    def with_own(self, more: dict[str, str]) -> Scope:
        """Return a scope with further names of its own."""
        return Scope(self.names, self.module, {**self.own, **more})

    def translate(self, node: ast.expr) -> ast.expr:
        """Return an annotation as the stub has to write it."""
        copied = ast.parse(ast.unparse(node), mode="eval").body
        translated: ast.expr = _Translator(self).visit(copied)
        return translated

    def given(self, node: ast.expr) -> ast.expr:
        """Return the annotation of what comes out of a facade: for an async object, its facade."""
        node = unquoted(node)
        if isinstance(node, ast.BinOp):
            return ast.BinOp(self.given(node.left), node.op, self.given(node.right))
        head = node.value if isinstance(node, ast.Subscript) else node
        if isinstance(node, ast.Subscript) and last_name(head) == "Optional":
            return ast.BinOp(self.given(node.slice), ast.BitOr(), ast.Constant(None))
        facade = self._facade_of(node)
        return self.translate(node) if facade is None else facade

    def taken(self, node: ast.expr) -> ast.expr:
        """Return the annotation of what a facade takes: an async object, or its facade."""
        node = unquoted(node)
        if isinstance(node, ast.BinOp):
            return ast.BinOp(self.taken(node.left), node.op, self.taken(node.right))
        facade, translated = self._facade_of(node), self.translate(node)
        return translated if facade is None else ast.BinOp(translated, ast.BitOr(), facade)

    def _facade_of(self, node: ast.expr) -> ast.expr | None:
        """Return what the stub calls the facade of the class that an annotation names, if it has one."""
        head = node.value if isinstance(node, ast.Subscript) else node
        meant = None if last_name(head) in SYNC_FORMS else self.resolve(head)
        if not isinstance(meant, type):
            return None
        name = self.names.facades.get(meant)
        if name is None:
            if not issubclass(meant, AsyncIterable | AbstractAsyncContextManager):
                return None
            facade = self.names.name("agent_runtime.bridge", "Facade")
            return ast.Subscript(facade, self.translate(node))
        if not isinstance(node, ast.Subscript):
            return ast.Name(name)
        return ast.Subscript(ast.Name(name), self.translate(node.slice))

    def resolve(self, node: ast.expr) -> Any:
        """Return what a dotted name means, or None."""
        if isinstance(node, ast.Attribute):
            return getattr(self.resolve(node.value), node.attr, None)
        if not isinstance(node, ast.Name) or node.id in self.own:
            return None
        origin = origins_in(self.module).get(node.id)
        if origin is None or node.id in vars(self.module):
            return vars(self.module).get(node.id)
        module = sys.modules.get(origin[0])
        return module if origin[1] is None else getattr(module, origin[1], None)


def last_name(node: ast.expr) -> str:
    """Return the last part of a dotted name, or of what is called."""
    return ast.unparse(node.func if isinstance(node, ast.Call) else node).rpartition(".")[2]


def unquoted(node: ast.expr) -> ast.expr:
    """Return an annotation without the quotes around it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return ast.parse(node.value, mode="eval").body
    return node


class _Translator(ast.NodeTransformer):
    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """Give a name its import."""
        scope = self._scope
        if node.id in scope.own:
            return ast.parse(scope.own[node.id], mode="eval").body
        origin = origins_in(scope.module).get(node.id)
        if origin is None and not hasattr(scope.module, node.id) and hasattr(builtins, node.id):
            return node
        module, name = origin or (scope.module.__name__, node.id)
        return ast.Name(scope.names.use(module, name, node.id))

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        """Read an annotation that is quoted."""
        if not isinstance(node.value, str):
            return node
        translated: ast.expr = self.visit(unquoted(node))
        return translated

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        """Leave alone the text in ``Literal`` and what ``Annotated`` adds: it is no annotation."""
        head = last_name(node.value)
        node.value = self.visit(node.value)
        if head == "Annotated" and isinstance(node.slice, ast.Tuple):
            annotated: ast.expr = self.visit(node.slice.elts[0])
            return annotated
        if head != "Literal":
            node.slice = self.visit(node.slice)
        return node


def source_of(value: Any) -> tuple[ModuleType, list[ast.stmt]]:
    """Return the module whose source has a class or function, and what its name stands for there.

    A class may say that it is from a package that exports it; its functions know better.

    Raises:
        OSError, TypeError: there is no source in Python.
    """
    functions = [value, *getattr(value, "__dict__", {}).values()]
    names = [getattr(each, "__globals__", {}).get("__name__") for each in functions]
    wanted = value.__qualname__.split(".")
    for name in dict.fromkeys((value.__module__, *filter(None, names))):
        module = sys.modules[name]
        body: list[ast.stmt] = _parsed(module).body
        for part in wanted[:-1]:
            body = [each for node in _called(body, part) for each in getattr(node, "body", ())]
        found = _called(body, wanted[-1])
        if found:
            return module, found
    raise OSError(f"{value.__module__}.{value.__qualname__} has no source that can be found")


def _called(body: list[ast.stmt], name: str) -> list[ast.stmt]:
    """Return the classes and functions of a name, also those that stand under an ``if``."""
    return [node for node in statements(body) if getattr(node, "name", None) == name]


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Return the statements of a body, also those that stand under an ``if``."""
    for node in body:
        if isinstance(node, ast.If):
            yield from statements([*node.body, *node.orelse])
        else:
            yield node


@functools.cache
def _parsed(module: ModuleType) -> ast.Module:
    return ast.parse(inspect.getsource(module))


@functools.cache
def origins_in(module: ModuleType) -> dict[str, Origin]:
    """Return where the names come from that a module imports, also those for type checkers only."""
    found: dict[str, Origin] = {}
    for node in ast.walk(_parsed(module)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name if alias.asname else alias.name.partition(".")[0]
                found[alias.asname or top] = (top, None)
        elif isinstance(node, ast.ImportFrom):
            source = "." * node.level + (node.module or "")
            origin = importlib.util.resolve_name(source, module.__package__) if node.level else source
            for alias in node.names:
                found[alias.asname or alias.name] = _origin(origin, alias.name)
    return found


def _origin(module: str, name: str) -> Origin:
    """Tell a submodule from a name in a module."""
    submodule = f"{module}.{name}"
    is_module = submodule in sys.modules and getattr(sys.modules.get(module), name, None) in (
        None,
        sys.modules[submodule],
    )
    return (submodule, None) if is_module else (module, name)
