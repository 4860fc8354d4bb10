"""Bridge, and the one that everybody shares behind ``run_sync()``, ``iterate()`` and ``enter()``."""

from __future__ import annotations

import contextvars
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from types import TracebackType
from typing import Any, Self, TypeVar, TypeVarTuple, Unpack

from agent_runtime.bridge.caller import OnRunningLoop, Options, Strategy, call_sync, names_of
from agent_runtime.bridge.portal import LoopFactory, default_loop_factory
from agent_runtime.bridge.portals import PortalSet
from agent_runtime.bridge.streams import Entered, pump

__all__ = ("Bridge", "enter", "iterate", "run_sync")

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Bridge:
    """A door to a loop thread of its own, for whoever needs another loop than the shared one.

    The thread starts with the first call. Safe to share by threads. As a context manager it closes
    itself at the end.

    Args:
        loop_factory: makes the event loop, on the loop thread: ``uvloop.new_event_loop``, say.
        name: of the loop thread, and of the bridge in messages.
    """

    def __init__(
        self, *, loop_factory: LoopFactory = default_loop_factory, name: str = "agent_runtime bridge"
    ) -> None:
        self._portals = PortalSet(loop_factory=loop_factory, name=name)

    def __enter__(self) -> Self:
        """Return the bridge; starts nothing yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the bridge."""
        self.close()

    def run_sync(
        self,
        async_fn: Callable[[Unpack[Ts]], Coroutine[Any, Any, T]],
        /,
        *args: *Ts,
        timeout: float | None = None,
        context: contextvars.Context | None = None,
        on_running_loop: OnRunningLoop = "warn",
        stall_timeout: float | None = 10.0,
        strategy: Strategy = "portal",
        names: tuple[str, str] | None = None,
    ) -> T:
        """Run ``async_fn(*args)`` to its end and return what it returns; blocks the calling thread.

        Works with or without an event loop running in the calling thread. The coroutine runs on the
        portal's loop thread, always the same one; functions that it sends with :func:`call_in_caller`
        run on the calling thread, which performs them while it waits. An event loop that runs in the
        calling thread stands still meanwhile: inside ``async def`` code, prefer to await.

        In the main thread one Ctrl-C cancels the work, waits for its cleanup and raises
        ``KeyboardInterrupt``; a second one abandons the wait. The same holds for any exception that a
        signal handler raises while the call waits.

        Where no thread can be started (WebAssembly, a limit, the end of the process) the work runs on
        the calling thread, in a loop of its own.

        Args:
            async_fn: the coroutine function to call, on the loop thread.
            *args: its positional arguments; use ``functools.partial`` for keywords.
            timeout: seconds until the work is cancelled; None for no limit.
            context: where the work runs, so that its changes can be read there afterwards. By default a
                copy of the caller's context: the work sees its variables, and changes do not come back.
            on_running_loop: what to do where a loop runs in this thread: "warn" blocks it, and says so
                once a call site if that took longer than a second; "allow" blocks it silently; "raise"
            refuses.
            stall_timeout: seconds after which a call that still keeps a running loop standing still
                reports where it stands, once; None for never. Not in a notebook kernel.
            strategy: "portal", or "direct" to run everything on the calling thread in a loop of the
                call's own, for profilers and debuggers; what is made on that loop ends with the call.
            names: what messages call this function and its async variant.

        Returns:
            What ``async_fn`` returns.

        Raises:
            BridgeClosedError: the bridge has been closed, before the call or while it lasted.
            CallerLoopError: a loop runs in this thread and ``on_running_loop`` is "raise".
            CircularWaitError: the work waits for this thread: for a module that it is importing, or for
                a coroutine given to the loop that runs here.
            ContextInUseError: ``context`` is entered already.
            NoThreadError: no thread can be started, and a loop runs in this one.
            TimeoutError: the time was up, and the work has been cancelled.
            TypeError: ``async_fn`` cannot be called to get an awaitable.
            BaseException: whatever ``async_fn`` raised, the object itself.
        """
        __tracebackhide__ = True
        options = Options(
            timeout=timeout,
            context=context,
            on_running_loop=on_running_loop,
            stall_timeout=stall_timeout,
            strategy=strategy,
            names=names or names_of(async_fn),
        )
        return call_sync(self._portals, async_fn, args, options)

    def iterate(self, source: AsyncIterator[T], /) -> Iterator[T]:
        """Iterate over an async generator from sync code, item by item as they are produced.

        One task on the loop thread, in a copy of the caller's context, drives the whole iteration;
        it works on the next item only when that is asked for. Each step blocks the calling thread
        like :func:`run_sync`, and Ctrl-C ends it likewise. Leaving the ``for`` loop early, or closing
        the iterator, closes the async generator in that task before the next statement runs.

        Raises:
            BaseException: whatever the generator raised, the object itself.
        """
        return pump(self._portals, source)

    def enter(self, manager: AbstractAsyncContextManager[T], /) -> AbstractContextManager[T]:
        """Use an async context manager in a ``with`` statement of sync code.

        Enters and exits in one task on the loop thread, as cancel scopes and task groups require.
        Each of the two blocks the calling thread like :func:`run_sync`; between them the loop thread
        is free for other calls, and so is the task's loop for what the manager has started.

        Raises:
            BaseException: whatever the manager raised, the object itself.
        """
        return Entered(self._portals, manager)

    def close(self) -> None:
        """Take no more calls, cancel what is left, close the loop in its thread, end the thread.

        Blocks until leftover tasks have ended, 10 s at most. Calls of other threads that this cuts off
        raise BridgeClosedError there. Closing twice does nothing.

        Raises:
            RuntimeError: called by work that this very bridge carries out.
        """
        self._portals.close()


_shared = Bridge(name="agent_runtime portal")

run_sync = _shared.run_sync
iterate = _shared.iterate
enter = _shared.enter
