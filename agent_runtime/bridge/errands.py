"""For async code: run a plain function on the calling thread, or on a worker thread."""

from __future__ import annotations

import contextlib
from _queue import SimpleQueue
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TypeVar, TypeVarTuple, Unpack

from agent_runtime.bridge.call import ENDED, Call, current_call, errand_of
from agent_runtime.bridge.hostloop import running_loop
from agent_runtime.bridge.service import Errand
from agent_runtime.bridge.threads import (
    CannotStartThreadError,
    block_signals,
    restore_signals,
    start_thread,
)
from agent_runtime.errors import NoCallerError
from agent_runtime.outcomes import Outcome

__all__ = (
    "WorkerLane",
    "call_in_caller",
    "call_in_caller_outcome",
    "call_in_worker",
    "call_in_worker_outcome",
)

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


async def call_in_caller(fn: Callable[[Unpack[Ts]], T], /, *args: *Ts) -> T:
    """Run ``fn(*args)`` on the thread that made the sync call this code belongs to.

    That thread waits in the call, so it is free; it performs one such function after another. The
    function sees this task's context variables and no running event loop, as in a plain script.
    The loop goes on meanwhile. Cancelling this wait calls the function off if it has not begun; one
    that has begun cannot be stopped, and its outcome is dropped.

    Raises:
        NoCallerError: this code does not run inside a sync call.
        CallAbandonedError: the caller has stopped waiting.
        BaseException: whatever ``fn`` raised, the object itself.
    """
    __tracebackhide__ = True
    return (await call_in_caller_outcome(fn, *args)).unwrap()


async def call_in_caller_outcome(fn: Callable[[Unpack[Ts]], T], /, *args: *Ts) -> Outcome[T]:
    """Do as :func:`call_in_caller`, but return the outcome, so that StopIteration survives, too."""
    call = current_call.get()
    if call is None:
        raise NoCallerError(getattr(fn, "__qualname__", repr(fn)))
    errand = Errand(fn, args)
    errand.context.run(_leave, call)
    call.send(errand)
    return await errand.outcome()


def _leave(call: Call[object]) -> None:
    """Note that what follows is an errand: the function may run a loop of its own, outside the call."""
    current_call.set(None)
    errand_of.set(call)


async def call_in_worker(fn: Callable[[Unpack[Ts]], T], /, *args: *Ts) -> T:
    """Run ``fn(*args)`` on a new worker thread; works on any asyncio loop, which goes on meanwhile.

    A thread a call, never a pool: a function that makes a sync call which needs a worker itself
    would otherwise wait for the place that it occupies. The function sees this task's context
    variables. Cancelling this wait does not stop the function; its outcome is dropped.

    Raises:
        CannotStartThreadError: no thread can be started.
        BaseException: whatever ``fn`` raised, the object itself.
    """
    __tracebackhide__ = True
    return (await call_in_worker_outcome(fn, *args)).unwrap()


async def call_in_worker_outcome(fn: Callable[[Unpack[Ts]], T], /, *args: *Ts) -> Outcome[T]:
    """Do as :func:`call_in_worker`, but return the outcome, so that StopIteration survives, too."""
    errand = Errand(fn, args)
    start_thread(errand.perform, name=f"agent_runtime worker: {errand.what}")
    return await errand.outcome()


class WorkerLane:
    """One worker thread for a sequence of functions: what the calling thread is to a sync call.

    ``async with WorkerLane() as lane`` and ``await lane.call(fn)``: every function runs on the same
    thread, one after another, so that thread-locals and connections made in one are good in the
    next. The thread starts with the first call and ends with the block, which does not wait for a
    function that still runs.

    Where no thread can start, the functions run on the loop's own thread: the loop stands still meanwhile,
    and is not to be seen in them.

    Args:
        name: of the thread.
        own_thread: whether the lane starts a thread; else some thread that is there already, of a
            pool say, becomes its thread by :meth:`serve`.
    """

    def __init__(self, name: str = "agent_runtime lane", *, own_thread: bool = True) -> None:
        self._name = name
        self._inbox: SimpleQueue[Any] = SimpleQueue()
        self._started = not own_thread

    async def __aenter__(self) -> Self:
        """Return the lane; starts nothing yet.

        Raises:
            RuntimeError: no loop of asyncio runs here, but trio's, say.
        """
        if running_loop() is None:
            raise RuntimeError(
                "this needs a loop of asyncio, and none runs here; under trio, call the sync variant in a"
                " thread: `await trio.to_thread.run_sync(runtime.run)`, say"
            )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Let the thread end once it has performed what was sent."""
        self._inbox.put(ENDED)

    async def call(self, fn: Callable[[Unpack[Ts]], T], /, *args: *Ts) -> T:
        """Run ``fn(*args)`` on the lane's thread and return what it returns.

        Raises:
            BaseException: whatever ``fn`` raised, the object itself.
        """
        __tracebackhide__ = True
        return (await self.call_outcome(fn, *args)).unwrap()

    async def call_outcome(self, fn: Callable[[Unpack[Ts]], T], /, *args: *Ts) -> Outcome[T]:
        """Do as :meth:`call`, but return the outcome, so that StopIteration survives, too."""
        errand = Errand(fn, args)
        if not self._started:
            with contextlib.suppress(CannotStartThreadError):
                start_thread(self._serve_alone, name=self._name)
                self._started = True
        if self._started:
            self._inbox.put(errand)
        else:
            errand.perform()
        return await errand.outcome()

    def serve(self) -> None:
        """Be the lane's thread until its block has ended: blocks the calling thread, and raises nothing."""
        while (news := self._inbox.get()) is not ENDED:
            news.perform()

    def _serve_alone(self) -> None:
        """Do as :meth:`serve` on the lane's own thread, which takes no signals of the program as it waits."""
        mask = block_signals()
        while (news := self._inbox.get()) is not ENDED:
            restore_signals(mask)
            news.perform()
            mask = block_signals()
