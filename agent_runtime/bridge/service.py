"""Errands: plain functions that async code sends to another thread, and what becomes of them."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import sys
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from agent_runtime.bridge.hiding import call_hidden
from agent_runtime.bridge.hostloop import forget_library, library_is_marked
from agent_runtime.bridge.interrupts import NO_GUARD, InterruptGuard
from agent_runtime.outcomes import Outcome, capture, failed

__all__ = ("Errand",)

T = TypeVar("T")


class Errand(Generic[T]):
    """One function for another thread, and the future through which its outcome comes back.

    Made on an event loop's thread, performed elsewhere, exactly once. Its function sees a copy of
    the context that it was made in.
    """

    __slots__ = ("_args", "_context", "_fn", "_future", "_loop")

    def __init__(self, fn: Callable[..., T], args: tuple[object, ...]) -> None:
        self._fn = fn
        self._args = args
        self._context = contextvars.copy_context()
        if library_is_marked():
            self._context.run(forget_library)
        self._loop = asyncio.get_running_loop()
        self._future: asyncio.Future[Outcome[T]] | None = self._loop.create_future()

    @property
    def what(self) -> str:
        """The function's name, for messages."""
        return getattr(self._fn, "__qualname__", repr(self._fn))

    @property
    def context(self) -> contextvars.Context:
        """The context that the function will see."""
        return self._context

    async def outcome(self) -> Outcome[T]:
        """Wait until another thread has performed this; a cancellation calls it off."""
        assert self._future is not None
        try:
            return await self._future
        finally:
            self._future = None  # it holds the outcome, and whoever has performed this holds it still

    def perform(self, guard: InterruptGuard | None = None) -> SystemExit | None:
        """Call the function on this thread, unless it was called off; report what came of it.

        Args:
            guard: the owner of SIGINT, in the main thread: Ctrl-C belongs to the function meanwhile.

        Returns:
            The SystemExit that the function raised, if it did: only a forked child looks at it.
        """
        future = self._future
        if future is None or future.cancelled():
            return None
        handled: BaseException | None = sys.exception()
        outcome: Outcome[T] | None = None
        try:
            if guard is None or guard is NO_GUARD:
                outcome = capture(call_hidden, None, self._context.run, self._fn, *self._args)
            else:
                lent = None if guard is NO_GUARD else guard
                outcome = capture(call_hidden, lent, self._context.run, guard.perform, self._fn, *self._args)
            if handled is not None and outcome.error is not None:
                _unlink(outcome.error, handled)
            return outcome.error if isinstance(outcome.error, SystemExit) else None
        except BaseException as interruption:  # a signal handler's, between our own instructions
            outcome = failed(interruption)
            raise
        finally:
            self.report(outcome or Outcome())
            # The function's frames lead back to this one, and what they raised must not be found here.
            del outcome, handled

    def report(self, outcome: Outcome[T]) -> None:
        """Hand the outcome to whoever awaits it, from any thread."""
        future = self._future
        if future is None:
            return  # called off meanwhile
        with contextlib.suppress(RuntimeError):  # the loop that asked has been closed
            self._loop.call_soon_threadsafe(_deliver, future, outcome)


def _unlink(error: BaseException, handled: BaseException) -> None:
    """Take an exception that the calling thread is handling out of the chains below ``error``.

    Python links what a function raises to what its thread is handling at that moment. Whether the
    caller stands in an ``except`` block is nothing to a step: the async variant would not show it.
    """
    left, seen = [error], {id(handled)}
    while left:
        link = left.pop()
        if id(link) in seen:
            continue
        seen.add(id(link))
        if link.__context__ is handled:
            link.__context__ = None
        members = _members_of(link) if isinstance(link, BaseExceptionGroup) else ()
        left += [other for other in (link.__context__, link.__cause__, *members) if other is not None]


_members_of: Callable[[BaseExceptionGroup[Any]], tuple[BaseException, ...]] = (
    BaseExceptionGroup.exceptions.__get__
)
"""The members of a group, past any property of a subclass: that is somebody's code, and may raise."""


def _deliver(future: asyncio.Future[Outcome[T]], outcome: Outcome[T]) -> None:
    if not future.done():
        future.set_result(outcome)
