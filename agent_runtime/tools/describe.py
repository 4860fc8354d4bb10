"""Tools as a model sees them: made of plain functions, by their names, docstrings and type hints."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeVar, overload

from agent_runtime.errors import ToolSignatureError
from agent_runtime.tools.docstrings import read_docstring
from agent_runtime.tools.shapes import ANYTHING, Faults, Field, Shape, ShapeError, hints_of, record, shape_of

__all__ = ("Mark", "Tool", "describe_tool", "mark_of", "tool", "wire_name")

F = TypeVar("F", bound=Callable[..., object])

_MARK = "_agent_runtime_tool"
_WIRE_NAME = re.compile(r"[^A-Za-z0-9_-]")
MAX_WIRE_NAME = 64
"""Characters that servers take in the name of a tool."""


class Mark(NamedTuple):
    """What ``@tool`` says of a function; what is None is read from the function itself."""

    name: str | None = None
    description: str | None = None
    parameters: Mapping[str, object] | None = None


class Tool(NamedTuple):
    """One tool, described.

    Attributes:
        name: under which it is registered.
        description: what it does, for the model.
        parameters: JSON Schema of its arguments, which are an object.
        read: checks arguments from JSON, and makes of them what the function's hints promise.
    """

    name: str
    description: str
    parameters: Mapping[str, object]
    read: Callable[[object, str, Faults], object]


@overload
def tool(fn: F, /) -> F: ...


@overload
def tool(
    *,
    name: str | None = None,
    description: str | None = None,
    parameters: Mapping[str, object] | None = None,
) -> Callable[[F], F]: ...


def tool(
    fn: F | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    parameters: Mapping[str, object] | None = None,
) -> F | Callable[[F], F]:
    """Say of a function how a model is to see it; where nothing needs saying, a plain function will do.

    Args:
        fn: the function, ``def`` or ``async def``; it is called as if this were not there.
        name: what :class:`ToolRegistry` registers it under; its own name by default.
        description: what it does; the first paragraphs of its docstring by default.
        parameters: JSON Schema of its arguments; made from its type hints by default. With one given, a call
            is passed on as it comes, and the function itself says what is wrong with its arguments.

    Returns:
        ``fn`` itself, or what marks it.
    """
    mark = Mark(name, description, parameters)

    def marked(fn: F) -> F:
        setattr(fn, _MARK, mark)
        return fn

    return marked if fn is None else marked(fn)


def mark_of(fn: object) -> Mark:
    """Return what has been said of a function."""
    found = getattr(fn, _MARK, None)
    return found if isinstance(found, Mark) else Mark()


def wire_name(name: str) -> str:
    """Return a tool's name with nothing but letters, digits, ``_`` and ``-`` in it, as servers demand."""
    return _WIRE_NAME.sub("_", name)


def describe_tool(name: str, fn: Callable[..., object]) -> Tool:
    """Describe a function to a model.

    Args:
        name: under which it is registered.
        fn: the function.

    Raises:
        ToolSignatureError: it takes something that no JSON Schema expresses.
    """
    mark = mark_of(fn)
    if len(name) > MAX_WIRE_NAME:
        raise ToolSignatureError(name, f"its name is longer than {MAX_WIRE_NAME} characters")
    inner = _innermost(fn)
    text = "" if isinstance(fn, functools.partial) and inner is fn else inspect.getdoc(inner) or ""
    about = read_docstring(text)
    description = about.summary if mark.description is None else mark.description
    if mark.parameters is not None:
        return Tool(name, description, mark.parameters, ANYTHING.read)
    try:
        shape = record(_fields(fn, inner, about.parameters))
    except ShapeError as error:
        raise ToolSignatureError(name, str(error)) from None
    return Tool(name, description, shape.schema, shape.read)


def _innermost(fn: object) -> object:
    """Return the function whose docstring and hints count."""
    while isinstance(fn, functools.partial):
        fn = fn.func
    if inspect.isroutine(fn) or isinstance(fn, type):
        return fn
    return getattr(type(fn), "__call__", fn)  # noqa: B004


def _fields(fn: Callable[..., object], inner: object, about: Mapping[str, str]) -> dict[str, Field]:
    try:
        signature = inspect.signature(fn)
    except Exception as error:
        raise ShapeError("it does not tell what it takes; wrap it in a def with type hints") from error
    hints = hints_of(vars(inner).get("__init__", inner) if isinstance(inner, type) else inner)
    given = _given(fn)
    return {
        name: _field(parameter, hints.get(name), about.get(name, ""))
        for name, parameter in signature.parameters.items()
        if name not in given
    }


def _given(fn: object) -> set[str]:
    """Return the keywords that a partial has given already: the model neither sees nor sets them."""
    names: set[str] = set()
    while isinstance(fn, functools.partial):
        names.update(fn.keywords)
        fn = fn.func
    return names


def _field(parameter: inspect.Parameter, hint: object, about: str) -> Field:
    name = parameter.name
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
        stars = "*" if parameter.kind is parameter.VAR_POSITIONAL else "**"
        reason = f"it takes '{stars}{name}', and a model must know each argument by name"
        raise ShapeError(f"{reason}; write a parameter for each, or a list or dict of them")
    if parameter.kind is parameter.POSITIONAL_ONLY:
        raise ShapeError(f"'{name}' cannot be given by name; remove the '/' in its parameters")
    try:
        shape = ANYTHING if hint is None else shape_of(hint)
    except ShapeError as error:
        raise ShapeError(f"'{name}': {error}") from None
    schema = dict(shape.schema)
    if about:
        schema.setdefault("description", about)
    if isinstance(parameter.default, str | int | float | bool):
        schema["default"] = parameter.default
    return Field(Shape(schema, shape.read), parameter.default is parameter.empty)
