"""Calls of a storage, off the event loop: one after another, on a thread of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

from agent_runtime.bridge import WorkerLane
from agent_runtime.errors import AgentRuntimeError, StorageError
from agent_runtime.outcomes import Outcome

__all__ = ("StorageLane",)

T = TypeVar("T")


class StorageLane:
    """The way to a storage for one user of it, a run say. None waits for another one's.

    Args:
        storage: for messages.
        user: what is kept, for the thread's name.
    """

    def __init__(self, storage: object, user: str) -> None:
        self._storage = storage
        self._lane = WorkerLane(f"agent_runtime storage of {user}")

    async def __aenter__(self) -> Self:
        await self._lane.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._lane.__aexit__(kind, error, traceback)

    async def ask(self, fn: Callable[[], T]) -> T:
        """Call the storage and return what it returns.

        Raises:
            StorageError: it has raised something; that is the ``__cause__``.
            CancelledError: this was cancelled; what the storage was to do is done.
        """
        outcome, cancelled = await self.see_through(fn)
        if cancelled:
            raise asyncio.CancelledError
        return outcome.unwrap()

    async def see_through(self, fn: Callable[[], T]) -> tuple[Outcome[T], bool]:
        """Call the storage, to its end; return what came of it, and whether this was cancelled meanwhile."""
        call = asyncio.get_running_loop().create_task(self._call(fn))
        cancelled = False
        while not call.done():
            try:
                await asyncio.wait((call,))
            except asyncio.CancelledError:
                cancelled = True
        if call.cancelled():  # the loop is being closed
            return Outcome(
                error=StorageError(repr(self._storage), "the event loop has ended meanwhile")
            ), True
        return call.result(), cancelled

    async def _call(self, fn: Callable[[], T]) -> Outcome[T]:
        outcome = await self._lane.call_outcome(fn)
        error = outcome.take_error()
        if error is None:
            return outcome
        if isinstance(error, Exception) and not isinstance(error, AgentRuntimeError):
            error = _wrapped(repr(self._storage), error)
        try:
            return Outcome(error=error)
        finally:
            del error


def _wrapped(storage: str, cause: Exception) -> StorageError:
    error = StorageError(storage, f"{type(cause).__name__}: {cause}")
    error.__cause__ = cause
    return error
