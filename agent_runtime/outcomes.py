"""What came of a call, as a value: carried between threads without touching the exception; and its task."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import GetSetDescriptorType, TracebackType
from typing import Any, Generic, TypeVar

__all__ = ("Outcome", "acapture", "acarry", "capture", "failed", "texts_of", "this_task", "traceback_of")

T = TypeVar("T")

# A user's exception class may put a property or a __setattr__ of its own before what every
# exception has; these get past them.
_CONTEXT: GetSetDescriptorType = vars(BaseException)["__context__"]
_TRACEBACK: GetSetDescriptorType = vars(BaseException)["__traceback__"]


class Outcome(Generic[T]):
    """A value or an exception, to be opened once.

    An exception that travels through ``concurrent.futures`` or ``asyncio.Future`` may lose its
    identity (``CancelledError``), be refused (``StopIteration``) or get a new ``__context__``. In
    here it is only a value; :meth:`unwrap` raises the very object.

    Attributes:
        value: what the call returned; meaningless when ``error`` is set.
        error: what the call raised, or None.
    """

    __slots__ = ("error", "value")

    def __init__(self, value: T | None = None, error: BaseException | None = None) -> None:
        self.value = value
        self.error = error

    def take_error(self) -> BaseException | None:
        """Return the exception, or None; nothing here keeps it.

        Whoever is the last to look at an outcome takes its error this way. From 3.12 to 3.13 every
        frame of a coroutine that has ended holds the frame that awaited it: so the traceback holds
        each frame on the way up, with its locals, and an outcome among them that still had the
        error would close a cycle, which only the collector could free.
        """
        error, self.error = self.error, None
        try:
            return error
        finally:
            del error

    def unwrap(self) -> T:
        """Return the value, or raise the exception as it is; empties the outcome.

        ``raise`` replaces ``__context__`` when the raising thread is inside an ``except`` block, so
        it is put back. Nothing here keeps the exception: its traceback holds this frame, and a
        reference from the frame would be a cycle that only the collector could free.
        """
        __tracebackhide__ = True
        error = self.error
        if error is None:
            value: Any = self.value
            self.value = None
            return value  # type: ignore[no-any-return]  # cast() would be a call
        self.error = None
        context = _CONTEXT.__get__(error)
        try:
            raise error
        finally:
            _CONTEXT.__set__(error, context)
            del error, context, self


_PLUMBING = ("agent_runtime.bridge.", "agent_runtime.outcomes")


def failed(error: BaseException) -> Outcome[Any]:
    """Return the outcome of a call that raised, with the traceback beginning in the callee's code."""
    traceback = traceback_of(error)
    while traceback is not None and traceback.tb_frame.f_globals.get("__name__", "").startswith(_PLUMBING):
        traceback = traceback.tb_next
    BaseException.with_traceback(error, traceback)
    return Outcome(error=error)


def traceback_of(error: BaseException) -> TracebackType | None:
    """Return an exception's traceback, whatever its class makes of the attribute."""
    traceback: TracebackType | None = _TRACEBACK.__get__(error)
    return traceback


def texts_of(error: BaseException | None) -> tuple[str, str]:
    """Return an exception as texts: its class, and what it says."""
    try:
        text = str(error)
    except Exception as failure:  # noqa: BLE001 - the user's __str__ may raise anything
        text = f"its text cannot be made: {type(failure).__name__}"
    return type(error).__name__, text


def capture(fn: Callable[..., T], *args: object) -> Outcome[T]:
    """Call ``fn(*args)`` on this thread and return what came of it; raises nothing."""
    try:
        return Outcome(fn(*args))
    except BaseException as error:  # noqa: BLE001 - the point: any exception becomes a value
        return failed(error)


async def acapture(awaitable: Awaitable[T]) -> Outcome[T]:
    """Await and return what came of it; a cancellation from outside becomes an outcome, too."""
    try:
        return Outcome(await awaitable)
    except BaseException as error:  # noqa: BLE001 - the point: any exception becomes a value
        return failed(error)


async def acarry(fn: Callable[..., Awaitable[Outcome[T]]], *args: object) -> Outcome[T]:
    """Await ``fn(*args)`` and return the outcome that it gives; what it raises is one, too."""
    try:
        return await fn(*args)
    except BaseException as error:  # noqa: BLE001 - the point: any exception becomes a value
        return failed(error)


def this_task() -> asyncio.Task[Any] | None:
    """Return the task that runs here, or None; called on the thread of a running loop.

    Since CPython 3.14 asyncio's own function does not know the tasks that nest_asyncio 1.6 puts in the place
    of asyncio's: they are written in Python, and noted where only Python code looks.
    """
    task = asyncio.current_task()
    if task is None:
        task = getattr(asyncio.tasks, "_py_current_task", asyncio.current_task)()
    return task
