"""The facade of one class as a stub writes it, from the source of the async class and its bases."""

from __future__ import annotations

import ast
import copy
import dataclasses
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from agent_runtime.bridge.facades.classes import Facade
from agent_runtime.bridge.facades.members import is_passed_on
from agent_runtime.bridge.facades.stub_functions import AnyFunction, that_count, write_function
from agent_runtime.bridge.facades.stub_names import Scope, StubNames, source_of, statements

__all__ = ("write_class",)


def write_class(names: StubNames, facade: type[Facade[Any]], name: str) -> ast.ClassDef:
    """Return the facade of a class as a stub writes it; ``names.facades`` has those of its bases."""
    async_class = facade.async_class
    covered = {each for base in _bases(facade) for each in base.async_class.__mro__}
    body: dict[str, list[ast.stmt]] = {}
    if any(_bases(facade)):
        body["async_object"] = [_async_object(names, async_class)]
    for part in _parts(names, async_class):
        if part.async_class not in covered:
            body |= part.attributes() | part.methods()
    docstring = ast.get_docstring(_source_of(async_class)[1], clean=False)
    stub = ast.ClassDef(
        name=name,
        bases=_written_bases(names, facade),
        keywords=[],
        body=[
            *([ast.Expr(ast.Constant(docstring))] if docstring else []),
            *(statement for statements in body.values() for statement in statements),
            *([] if docstring or body else [ast.Expr(ast.Constant(...))]),
        ],
        decorator_list=[],
    )
    parameters = copy.deepcopy(getattr(_source_of(async_class)[1], "type_params", []))
    stub.type_params = parameters  # type: ignore[attr-defined,unused-ignore]  # Python 3.12
    return ast.fix_missing_locations(stub)


def _bases(facade: type[Facade[Any]]) -> list[type[Facade[Any]]]:
    return [base for base in facade.__bases__ if issubclass(base, Facade) and base is not Facade]


def _written_bases(names: StubNames, facade: type[Facade[Any]]) -> list[ast.expr]:
    async_class = facade.async_class
    scope = _Part(names, async_class, {}).scope
    bases = _bases(facade)
    written: list[ast.expr] = []
    for base in bases:
        arguments = _arguments_of(async_class, base.async_class)
        head: ast.expr = ast.Name(names.facades[base.async_class])
        written.append(ast.Subscript(head, scope.translate(arguments)) if arguments else head)
    if not bases:
        head = names.name("agent_runtime.bridge", "Facade")
        written.append(ast.Subscript(head, _written_class(names, async_class)))
    parameters = _parameters_of(async_class)
    if parameters and not getattr(_source_of(async_class)[1], "type_params", []):
        listed = [scope.translate(ast.Name(each)) for each in parameters]
        generic = names.name("typing", "Generic")
        written.append(ast.Subscript(generic, listed[0] if len(listed) == 1 else ast.Tuple(listed)))
    return written


def _written_class(names: StubNames, async_class: type) -> ast.expr:
    """Return the async class as the stub writes it, with its type parameters."""
    top, dot, rest = async_class.__qualname__.partition(".")
    text = names.use(async_class.__module__, top) + dot + rest
    scope = _Part(names, async_class, {}).scope
    parameters = [ast.unparse(scope.translate(ast.Name(each))) for each in _parameters_of(async_class)]
    return ast.parse(text + (f"[{', '.join(parameters)}]" if parameters else ""), mode="eval").body


def _async_object(names: StubNames, async_class: type) -> ast.FunctionDef:
    """Return the property of that name, whose type a base with a facade says less exactly."""
    returned = ast.unparse(_written_class(names, async_class))
    return _parsed(f"@property\ndef async_object(self) -> {returned}: ...")


def _parts(names: StubNames, async_class: type) -> Iterator[_Part]:
    """Return the class and its bases that have a source, the bases first."""
    arguments: dict[type, dict[str, str]] = {async_class: {}}
    parts = []
    for base in async_class.__mro__:
        try:
            part = _Part(names, base, arguments.get(base, dict.fromkeys(_parameters_of(base), "object")))
        except (OSError, TypeError):  # it has no source in Python
            continue
        parts.append(part)
        for further in base.__bases__:
            given = _arguments_of(base, further)
            listed = given.elts if isinstance(given, ast.Tuple) else [given] if given else []
            translated = [ast.unparse(part.scope.translate(each)) for each in listed]
            arguments.setdefault(further, dict(zip(_parameters_of(further), translated, strict=False)))
    return reversed(parts)


def _parameters_of(async_class: type) -> list[str]:
    return [each.__name__ for each in getattr(async_class, "__parameters__", ())]


def _arguments_of(async_class: type, base: type) -> ast.expr | None:
    """Return what the source of a class gives to a generic base in brackets."""
    module, source = _source_of(async_class)
    scope = Scope(StubNames({}), module, {})
    for node in source.bases:
        if isinstance(node, ast.Subscript) and scope.resolve(node.value) is base:
            return node.slice
    return None


def _source_of(async_class: type) -> tuple[ModuleType, ast.ClassDef]:
    if async_class.__module__ in ("abc", "builtins", "typing", "typing_extensions"):
        raise TypeError(async_class)
    module, found = source_of(async_class)
    classes = [node for node in found if isinstance(node, ast.ClassDef)]
    return module, classes[-1]


class _Part:
    """What one class brings into a facade: the async class itself, or one of its bases.

    Args:
        names: of the stub.
        async_class: the class.
        arguments: what stands for its type parameters.

    Raises:
        OSError, TypeError: it has no source.
    """

    def __init__(self, names: StubNames, async_class: type, arguments: dict[str, str]) -> None:
        self.async_class = async_class
        module, self.source = _source_of(async_class)
        own = {each.name: each.name for each in getattr(self.source, "type_params", [])}
        self.scope = Scope(names, module, own | arguments)
        self._functions: dict[str, list[AnyFunction]] = {}
        for node in statements(self.source.body):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                self._functions.setdefault(node.name, []).append(node)

    def methods(self) -> dict[str, list[ast.stmt]]:
        """Return the sync forms of the methods and properties."""
        found = {}
        following = self._functions.get("__anext__", [None])[-1]
        for name, nodes in self._functions.items():
            if name == "__init__" or is_passed_on(name, set(self._functions)):
                forms: list[ast.stmt] = [
                    write_function(
                        node, self.scope, is_method=True, item=following.returns if following else None
                    )
                    for node in that_count(nodes)
                ]
                found[getattr(forms[0], "name", name)] = forms
        if "__init__" not in self._functions and dataclasses.is_dataclass(self.async_class):
            found["__init__"] = [self._dataclass_init()]
        return found

    def attributes(self) -> dict[str, list[ast.stmt]]:
        """Return the public attributes that the class or its ``__init__`` sets."""
        found: dict[str, ast.expr | None] = {}
        for node in statements(self.source.body):
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                found[node.target.id] = node.annotation
            elif isinstance(node, ast.Assign):
                names = [target.id for target in node.targets if isinstance(target, ast.Name)]
                found |= {name: _type_of(self.async_class.__dict__.get(name)) for name in names}
        for init in self._functions.get("__init__", [])[-1:]:
            found = _set_in_init(init) | found
        return {
            name: [self._attribute(name, annotation)]
            for name, annotation in found.items()
            if not name.startswith("_") and name not in self._functions
        }

    def _attribute(self, name: str, annotation: ast.expr | None) -> ast.stmt:
        given = self.scope.names.any() if annotation is None else self.scope.given(annotation)
        return ast.AnnAssign(ast.Name(name), given, value=None, simple=1)

    def _dataclass_init(self) -> ast.FunctionDef:
        """Return the ``__init__`` that a dataclass has without writing it."""
        written: dict[str, str] = {}
        for part in _parts(self.scope.names, self.async_class):
            for node in statements(part.source.body):
                if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                    written[node.target.id] = ast.unparse(part.scope.taken(node.annotation))
        listed: dict[bool, list[str]] = {False: ["self"], True: []}
        for field in dataclasses.fields(self.async_class):
            if field.init:
                missing = (dataclasses.MISSING, dataclasses.MISSING)
                default = " = ..." * ((field.default, field.default_factory) != missing)
                listed[bool(field.kw_only)].append(f"{field.name}: {written[field.name]}{default}")
        keyword = ["*", *listed[True]] if listed[True] else []
        return _parsed(f"def __init__({', '.join(listed[False] + keyword)}) -> None: ...")


def _type_of(value: object) -> ast.expr | None:
    plain = (bool, int, float, str, bytes)
    return ast.Name(type(value).__name__) if type(value) in plain else None


def _set_in_init(init: AnyFunction) -> dict[str, ast.expr | None]:
    """Return the attributes that ``__init__`` sets; one set to a parameter has its type."""
    listed = [*init.args.posonlyargs, *init.args.args, *init.args.kwonlyargs]
    parameters = {each.arg: each.annotation for each in listed}
    found: dict[str, ast.expr | None] = {}
    for node in ast.walk(init):
        if isinstance(node, ast.AnnAssign) and _own_attribute(node.target):
            found[_own_attribute(node.target)] = node.annotation
        elif isinstance(node, ast.Assign):
            value = node.value
            known = parameters.get(value.id) if isinstance(value, ast.Name) else None
            if isinstance(value, ast.Constant):
                known = _type_of(value.value)
            for target in filter(None, map(_own_attribute, node.targets)):
                found.setdefault(target, known)
    return found


def _own_attribute(target: ast.expr) -> str:
    is_own = isinstance(target, ast.Attribute) and ast.unparse(target.value) == "self"
    return target.attr if is_own and isinstance(target, ast.Attribute) else ""


def _parsed(text: str) -> ast.FunctionDef:
    node = ast.parse(text).body[0]
    assert isinstance(node, ast.FunctionDef)
    return node
