"""A user's function, and whether calling it gives a coroutine."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

__all__ = ("AnyFunction", "Callee", "is_async")

AnyFunction = Callable[..., object]


class Callee(NamedTuple):
    """A registered function, and whether calling it gives a coroutine."""

    fn: AnyFunction
    is_async: bool


def is_async(fn: object) -> bool:
    """Whether calling ``fn`` gives a coroutine: ``async def``, also partial or as ``__call__``."""
    while isinstance(fn, partial):
        fn = fn.func
    if inspect.iscoroutinefunction(fn):
        return True
    return not inspect.isroutine(fn) and inspect.iscoroutinefunction(getattr(type(fn), "__call__", None))  # noqa: B004
