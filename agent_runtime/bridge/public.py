"""Bridge, and the one that everybody shares behind ``run_sync()``, ``iterate()`` and their like."""

from __future__ import annotations

import contextvars
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Coroutine, Generator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, TypeVarTuple, Unpack, overload

from agent_runtime.bridge.caller import OnRunningLoop, Options, Strategy, call_sync
from agent_runtime.bridge.parking import default_loop_factory
from agent_runtime.bridge.portal import LoopFactory
from agent_runtime.bridge.portals import PortalSet
from agent_runtime.bridge.streams import Entered, pump

if TYPE_CHECKING:
    from concurrent.futures import Future

__all__ = ("Bridge", "enter", "iterate", "run_async", "run_sync", "submit")

T = TypeVar("T")
S = TypeVar("S")
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
                reports where it stands, once; None for never. Not in a notebook's cell.
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
        # What Options(...) does, in a quarter of the time: its constructor is written in Python.
        fields = (async_fn, timeout, context, on_running_loop, stall_timeout, strategy, names)
        options = _new_tuple(Options, fields)
        return call_sync(self._portals, async_fn, args, options)

    def submit(
        self,
        async_fn: Callable[[Unpack[Ts]], Coroutine[Any, Any, T]],
        /,
        *args: *Ts,
        timeout: float | None = None,
        context: contextvars.Context | None = None,
    ) -> Future[T]:
        """Begin ``async_fn(*args)`` on the loop thread, and return a future of what it will return.

        Blocks nothing; from any thread, with or without a running loop. The future works with all of
        ``concurrent.futures``, and ``await asyncio.wrap_future(future)`` waits for it in async code. Its
        callbacks run on the loop thread.

        ``future.cancel()`` cancels the work, once; the future is done when the cleanup has ended. If the
        work ends with ``CancelledError``, the future is cancelled. ``future.result()`` raises the very
        object that the work raised, as often as it is called. Closing the bridge, or the end of the
        process, cuts the work off: the future gets ``BridgeClosedError``. In a forked child, futures of
        the parent's work get ``ForkedCallError``.

        No thread waits in this call, so :func:`call_in_caller` raises ``NoCallerError`` in the work; use
        :func:`call_in_worker` there. Ctrl-C means what it means to any other code that waits for a
        future: it ends the wait and leaves the work running.

        Where no thread can be started (WebAssembly, a limit, the end of the process) the work is done
        on the calling thread before this returns.

        Args:
            async_fn: the coroutine function to call, on the loop thread.
            *args: its positional arguments; use ``functools.partial`` for keywords.
            timeout: seconds until the work is cancelled and the future gets ``TimeoutError``.
            context: where the work runs; by default a copy of the caller's context.

        Returns:
            The future. Its ``result()`` raises ``CircularWaitError`` on the thread that has to do the work.

        Raises:
            BridgeClosedError: the bridge has been closed.
            ContextInUseError: ``context`` is entered already.
            NoThreadError: no thread can be started, and a loop runs in this one.
            TypeError: ``async_fn`` is not callable.
        """
        from agent_runtime.bridge.futures import submit_to

        return submit_to(self._portals, async_fn, args, Options(async_fn, timeout, context))

    async def run_async(
        self,
        async_fn: Callable[[Unpack[Ts]], Coroutine[Any, Any, T]],
        /,
        *args: *Ts,
        timeout: float | None = None,  # noqa: ASYNC109 - the same signature as run_sync()
        context: contextvars.Context | None = None,
    ) -> T:
        """Run ``async_fn(*args)`` on the loop thread and return what it returns; blocks nothing.

        To be awaited in a task of asyncio, uvloop or trio, whose loop goes on meanwhile; also on the
        bridge's own loop. So code of any loop reaches what lives on the bridge's: its clients, locks
        and pools.

        Cancelling the awaiting task cancels the work once, waits for its cleanup, and goes on then; further
        cancellations of the task do not reach the work. Inside a sync call, functions that the work sends
        with :func:`call_in_caller` run on the thread that waits in that; elsewhere there is none, and
        ``NoCallerError`` is raised.

        Where no thread can be started, the work runs on the loop of the awaiting task.

        Args:
            async_fn: the coroutine function to call, on the loop thread.
            *args: its positional arguments; use ``functools.partial`` for keywords.
            timeout: seconds until the work is cancelled; None for no limit.
            context: where the work runs; by default a copy of the caller's context.

        Returns:
            What ``async_fn`` returns.

        Raises:
            BridgeClosedError: the bridge has been closed, before the call or while it lasted.
            ContextInUseError: ``context`` is entered already.
            NoThreadError: no thread can be started, and the awaiting task is trio's.
            RuntimeError: awaited by a loop that is neither asyncio's nor trio's.
            TimeoutError: the time was up, and the work has been cancelled.
            TypeError: ``async_fn`` is not callable.
            BaseException: whatever ``async_fn`` raised, the object itself.
        """
        __tracebackhide__ = True
        from agent_runtime.bridge.awaiting import await_on

        return await await_on(self._portals, async_fn, args, Options(async_fn, timeout, context))

    @overload
    def iterate(
        self,
        source: AsyncGenerator[T, S],
        /,
        *,
        timeout: float | None = None,
        context: contextvars.Context | None = None,
        on_running_loop: OnRunningLoop = "warn",
        stall_timeout: float | None = 10.0,
        strategy: Strategy = "portal",
        names: tuple[str, str] | None = None,
    ) -> Generator[T, S, None]: ...

    @overload
    def iterate(
        self,
        source: AsyncIterable[T],
        /,
        *,
        timeout: float | None = None,
        context: contextvars.Context | None = None,
        on_running_loop: OnRunningLoop = "warn",
        stall_timeout: float | None = 10.0,
        strategy: Strategy = "portal",
        names: tuple[str, str] | None = None,
    ) -> Generator[T, None, None]: ...

    def iterate(
        self,
        source: AsyncIterable[T],
        /,
        *,
        timeout: float | None = None,
        context: contextvars.Context | None = None,
        on_running_loop: OnRunningLoop = "warn",
        stall_timeout: float | None = 10.0,
        strategy: Strategy = "portal",
        names: tuple[str, str] | None = None,
    ) -> Generator[T, Any, None]:
        """Iterate over an async iterator from sync code, item by item as they are produced.

        One task on the loop thread, in one context, drives the whole iteration; it works on the next
        item only while that is asked for. Each step blocks the calling thread like :func:`run_sync`,
        and Ctrl-C ends it likewise. Leaving the ``for`` loop early, or closing the generator, closes
        the async generator in that task before the next statement runs. ``send()`` and ``throw()`` of the
        generator are ``asend()`` and ``athrow()`` of the async one. An iterator without these raises
        ``TypeError`` for a value that is sent, and what is thrown comes out again when it is closed.

        Args:
            source: the async generator, iterator or iterable.
            timeout: seconds that the caller waits for items, all in all, until the work is cancelled;
                the time between them does not count. None for no limit.
            context: where the task runs; by default a copy of the context of this call.
            on_running_loop: as in :func:`run_sync`, for each step.
            stall_timeout: as in :func:`run_sync`, for each step.
            strategy: as in :func:`run_sync`; "direct" keeps one loop for the whole iteration.
            names: what messages call this function and its async variant.

        Raises:
            CircularWaitError: asked for an item by code that the iteration's own thread waits for.
            TypeError: ``source`` cannot be iterated over with ``async for``.
            BaseException: what :func:`run_sync` raises, and whatever the iterator raised, the object
                itself.
        """
        options = Options(
            source,
            timeout,
            context,
            on_running_loop,
            stall_timeout,
            strategy,
            names or ("iterate", "async for"),
        )
        options.check()
        if not hasattr(source, "__aiter__"):
            raise TypeError(f"iterate() needs an async iterator, got {type(source).__name__}{_hint(source)}")
        return pump(self._portals, source, options)

    def enter(
        self,
        manager: AbstractAsyncContextManager[T],
        /,
        *,
        timeout: float | None = None,
        context: contextvars.Context | None = None,
        on_running_loop: OnRunningLoop = "warn",
        stall_timeout: float | None = 10.0,
        strategy: Strategy = "portal",
        names: tuple[str, str] | None = None,
    ) -> AbstractContextManager[T]:
        """Use an async context manager in a ``with`` statement of sync code.

        Enters and exits in one task on the loop thread, as cancel scopes and task groups require.
        Each of the two blocks the calling thread like :func:`run_sync`; between them the loop thread
        is free for other calls, and so is the task's loop for what the manager has started.

        Args:
            manager: the async context manager.
            timeout: seconds that entering and exiting may take together; the block does not count.
            context: where the task runs; by default a copy of the context of this call.
            on_running_loop: as in :func:`run_sync`, for each of the two.
            stall_timeout: as in :func:`run_sync`, for each of the two.
            strategy: as in :func:`run_sync`; with "direct" what the manager has started stands still
                during the block.
            names: what messages call this function and its async variant.

        Raises:
            TypeError: ``manager`` cannot be used in ``async with``.
            BaseException: what :func:`run_sync` raises, and whatever the manager raised, the object
                itself.
        """
        names = names or ("enter", "async with")
        options = Options(manager, timeout, context, on_running_loop, stall_timeout, strategy, names)
        options.check()
        if not hasattr(manager, "__aenter__"):
            raise TypeError(
                f"enter() needs an async context manager, got {type(manager).__name__}{_hint(manager)}"
            )
        return Entered(self._portals, manager, options)

    def close(self) -> None:
        """Take no more calls, cancel what is left, close the loop in its thread, end the thread.

        Blocks until leftover tasks have ended, 10 s at most. Calls of other threads that this cuts off
        raise BridgeClosedError there. Closing twice does nothing.

        Raises:
            RuntimeError: called by work that this very bridge carries out.
        """
        self._portals.close()


_new_tuple: Callable[[type[Options], tuple[object, ...]], Options] = tuple.__new__


def _hint(given: object) -> str:
    return "; call it first" if callable(given) else ""


_shared = Bridge(name="agent_runtime portal")

run_sync = _shared.run_sync
run_async = _shared.run_async
submit = _shared.submit
iterate = _shared.iterate
enter = _shared.enter
