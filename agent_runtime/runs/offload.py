"""Where the plain functions of a run go: the two ways off the loop that the engine is given.

Where no thread can start, what was to have a worker thread of its own goes where all the others go.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from agent_runtime.bridge import WorkerLane, call_in_caller_outcome, call_in_worker_outcome
from agent_runtime.bridge.threads import CannotStartThreadError
from agent_runtime.outcomes import Outcome

__all__ = ("ToCaller", "ToLane")

T = TypeVar("T")


class ToCaller:
    """Plain functions of a sync call: on the thread that waits in it."""

    on_caller = staticmethod(call_in_caller_outcome)

    @staticmethod
    async def on_worker(fn: Callable[..., T], /, *args: Any) -> Outcome[T]:
        """Call a function on a worker thread; where none can start, on the thread that waits."""
        with suppress(CannotStartThreadError):
            return await call_in_worker_outcome(fn, *args)
        return await call_in_caller_outcome(fn, *args)


class ToLane:
    """Plain functions of an async call: on one worker thread; on the loop's own if none can start."""

    def __init__(self, lane: WorkerLane) -> None:
        self.on_caller = lane.call_outcome

    async def on_worker(self, fn: Callable[..., T], /, *args: Any) -> Outcome[T]:
        """Call a function on a worker thread of its own; where none can start, as all others."""
        with suppress(CannotStartThreadError):
            return await call_in_worker_outcome(fn, *args)
        return await self.on_caller(fn, *args)
