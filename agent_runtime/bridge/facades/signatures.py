"""Which functions are async, and the signatures of their sync forms."""

from __future__ import annotations

import asyncio
import builtins
import enum
import functools
import inspect
import re
import sys
import types
import typing
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Iterator,
)
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager

__all__ = ("SYNC_FORMS", "Kind", "kind_of", "sync_signature", "underlying")


class Kind(enum.Enum):
    """How a function is async."""

    COROUTINE = "a coroutine function"
    GENERATOR = "an async generator function"
    MANAGER = "a function made by asynccontextmanager"
    WRAPPER = "any other plain function around an async one"
    DECLARED = "a plain function whose annotation promises something async"


SYNC_FORMS: dict[str, type | None] = {
    "AbstractAsyncContextManager": AbstractContextManager,
    "AsyncContextManager": AbstractContextManager,
    "AsyncGenerator": Iterator,
    "AsyncIterable": Iterable,
    "AsyncIterator": Iterator,
    "Awaitable": None,
    "Coroutine": None,
    "Future": None,
    "Task": None,
}
"""What becomes of each async type in an annotation; None for what is awaited."""

_ASYNC_TYPES = (Awaitable, AsyncIterable, AbstractAsyncContextManager)
# Modules often import these for type checkers only, so that the text of an annotation cannot be evaluated.
_KNOWN: dict[str, object] = {
    "AbstractAsyncContextManager": AbstractAsyncContextManager,
    "Any": typing.Any,
    "AsyncGenerator": AsyncGenerator,
    "AsyncIterable": AsyncIterable,
    "AsyncIterator": AsyncIterator,
    "Awaitable": Awaitable,
    "Coroutine": Coroutine,
    "asyncio": asyncio,
}


@asynccontextmanager
async def _example() -> AsyncIterator[None]:
    yield


# Every function that asynccontextmanager() makes shares this code object. Its annotation is a copy of the
# generator's, and says something else.
_MADE_BY_ASYNCCONTEXTMANAGER: types.CodeType = _example.__code__


def underlying(fn: object) -> object:
    """Return the function behind a partial, a bound method, a class or an object with ``__call__``."""
    while isinstance(fn, functools.partial | functools.partialmethod | types.MethodType):
        fn = fn.__func__ if isinstance(fn, types.MethodType) else fn.func
    if isinstance(fn, type):
        return fn.__init__  # type: ignore[misc]  # it is only looked at
    if inspect.isroutine(fn) or not callable(fn):
        return fn
    return type(fn).__call__


def kind_of(fn: object) -> Kind | None:
    """Find out how a function is async, without calling it; None if it is not."""
    function = underlying(fn)
    if getattr(function, "__code__", None) is _MADE_BY_ASYNCCONTEXTMANAGER:
        return Kind.MANAGER
    for candidate, wrapped in ((function, False), (fn, False), (_unwrapped(function), True)):
        if inspect.iscoroutinefunction(candidate):
            return Kind.WRAPPER if wrapped else Kind.COROUTINE
        if inspect.isasyncgenfunction(candidate):
            return Kind.WRAPPER if wrapped else Kind.GENERATOR
    return Kind.DECLARED if _is_async_type(_return_annotation(function)) else None


def sync_signature(fn: Callable[..., object], kind: Kind | None) -> inspect.Signature:
    """Return the signature of the sync form of ``fn``.

    Annotations that are text are evaluated, as far as that is possible: the sync form lives in this
    package, whose names are not those of the module that the text was written in.
    """
    try:
        signature = _signature(fn)
    except ValueError:  # some builtins have none
        return inspect.signature(_anything)
    function = underlying(fn)
    parameters = [
        each.replace(annotation=_evaluate(each.annotation, function))
        for each in signature.parameters.values()
    ]
    returned = _sync_annotation(_evaluate(signature.return_annotation, function), kind, function)
    return signature.replace(parameters=parameters, return_annotation=returned)


def _anything(*args: object, **kwargs: object) -> None:
    """Have the signature of what has none."""


def _unwrapped(function: object) -> object:
    return inspect.unwrap(function) if callable(function) else function


def _sync_annotation(annotation: object, kind: Kind | None, function: object) -> object:
    """Turn the return annotation of a function into that of its sync form."""
    awaited = kind is Kind.WRAPPER and not inspect.isasyncgenfunction(_unwrapped(function))
    if kind in (None, Kind.COROUTINE) or awaited or annotation is inspect.Signature.empty:
        return annotation
    arguments = typing.get_args(annotation)
    head = "AsyncContextManager" if kind is Kind.MANAGER else _head(annotation)
    if head not in SYNC_FORMS:  # a class that is async, or a wrapper's own idea
        return inspect.Signature.empty
    form = SYNC_FORMS[head]
    if form is None:
        return arguments[-1] if arguments else inspect.Signature.empty
    return types.GenericAlias(form, arguments[:1]) if arguments else form


def _is_async_type(annotation: object) -> bool:
    head = typing.get_origin(annotation) or annotation
    if isinstance(head, type):
        return issubclass(head, _ASYNC_TYPES)
    return _head(annotation) in SYNC_FORMS


def _head(annotation: object) -> str:
    """Return the last name before the brackets of an annotation."""
    head = typing.get_origin(annotation) or annotation
    if isinstance(head, type):
        return head.__name__
    text = getattr(head, "__forward_arg__", head)
    found = re.match(r"\s*(?:\w+\.)*(\w+)", text) if isinstance(text, str) else None
    return found[1] if found else ""


class _Names(dict[str, object]):
    """The names that an annotation may use; one that does not exist, or not yet, stays a reference."""

    def __init__(self, function: object) -> None:
        function = _unwrapped(function)
        self._module: str | None = getattr(function, "__module__", None)
        parameters = getattr(function, "__type_params__", ())
        own = {each.__name__: each for each in parameters}
        super().__init__({**_KNOWN, **vars(builtins), **getattr(function, "__globals__", {}), **own})

    def __missing__(self, name: str) -> object:
        return typing.ForwardRef(name, module=self._module)


def _evaluate(annotation: object, function: object) -> object:
    """Evaluate an annotation that is text, as ``inspect.signature(..., eval_str=True)`` does for all."""
    if not isinstance(annotation, str):
        return annotation
    try:
        return eval(annotation, {}, _Names(function))  # noqa: S307 - code of the module that has the function
    except Exception:  # noqa: BLE001 - whatever it is, the text itself remains of use
        return annotation


if sys.version_info >= (3, 14):
    import annotationlib

    def _return_annotation(function: object) -> object:
        if not hasattr(function, "__annotations__"):
            return None
        found = annotationlib.get_annotations(function, format=annotationlib.Format.FORWARDREF)
        return _evaluate(found.get("return"), function)

    def _signature(fn: Callable[..., object]) -> inspect.Signature:
        return inspect.signature(fn, annotation_format=annotationlib.Format.FORWARDREF)
else:

    def _return_annotation(function: object) -> object:
        return _evaluate((getattr(function, "__annotations__", None) or {}).get("return"), function)

    def _signature(fn: Callable[..., object]) -> inspect.Signature:
        return inspect.signature(fn)
