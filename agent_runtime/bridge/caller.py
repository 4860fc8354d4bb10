"""The calling thread's side of a sync call: submit, wait in one place, and perform errands there."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import inspect
from _queue import Empty
from collections.abc import Callable, Coroutine
from typing import Any, Literal, TypeVar, TypeVarTuple, Unpack

from agent_runtime.bridge.call import ENDED, TURNED_AWAY, Call
from agent_runtime.bridge.direct import run_directly
from agent_runtime.bridge.hostloop import HostLoopWatch, running_loop
from agent_runtime.bridge.interrupts import InterruptGuard, Interruption, in_main_thread
from agent_runtime.bridge.portal import Portal
from agent_runtime.bridge.portals import parked_loop, portal_for_this_thread, this_threads_portal
from agent_runtime.bridge.service import Errand
from agent_runtime.bridge.threads import CannotStartThreadError
from agent_runtime.errors import CallerLoopError, ContextInUseError, ForkedCallError, NoThreadError

__all__ = ("OnRunningLoop", "Strategy", "run_sync")

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

OnRunningLoop = Literal["warn", "allow", "raise"]
Strategy = Literal["portal", "direct"]

_SLICE = 0.1
"""Seconds between the main thread's looks at pending signals. A signal ends a wait for a lock only if
it comes while the thread already sleeps: one that comes a few microseconds earlier is noted by the
interpreter and would not be looked at before the wait ends. On Windows none can interrupt the wait,
and on macOS another thread may be the one that the system interrupts."""


def run_sync(
    async_fn: Callable[[Unpack[Ts]], Coroutine[Any, Any, T]],
    /,
    *args: *Ts,
    timeout: float | None = None,
    context: contextvars.Context | None = None,
    on_running_loop: OnRunningLoop = "warn",
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
        strategy: "portal", or "direct" to run everything on the calling thread in a loop of the
            call's own, for profilers and debuggers; what is made on that loop ends with the call.
        names: what messages call this function and its async variant.

    Returns:
        What ``async_fn`` returns.

    Raises:
        CallerLoopError: a loop runs in this thread and ``on_running_loop`` is "raise".
        ContextInUseError: ``context`` is entered already.
        NoThreadError: no thread can be started, and a loop runs in this one.
        TimeoutError: the time was up, and the work has been cancelled.
        TypeError: ``async_fn`` cannot be called to get an awaitable.
        BaseException: whatever ``async_fn`` raised, the object itself.
    """
    __tracebackhide__ = True
    names = names or ("run_sync", _name_of(async_fn))
    _check(async_fn, on_running_loop, strategy, names)
    if context is None:
        context = contextvars.copy_context()
    else:
        _check_context(context)
    watch = HostLoopWatch.begin(names) if on_running_loop == "warn" else None
    try:
        return _until_taken_up(
            lambda: Call(async_fn, args, context=context, timeout=timeout), names, direct=strategy == "direct"
        )
    finally:
        if watch is not None:
            watch.end()


def _until_taken_up(make_call: Callable[[], Call[T]], names: tuple[str, str], *, direct: bool) -> T:
    """Carry a call out; make it anew as long as portals that are closing turn it away."""
    __tracebackhide__ = True
    guarded = in_main_thread()
    while True:
        call = make_call()
        with InterruptGuard(call) if guarded else contextlib.nullcontext() as guard:
            interruption = _carry_out(call, guard, names, direct=direct)
        interruption = _stop_listening(call) or interruption
        if call.outcome is not None or interruption is not None:
            return _conclude(call, interruption)


def _carry_out(
    call: Call[Any], guard: InterruptGuard | None, names: tuple[str, str], *, direct: bool
) -> BaseException | None:
    """Have the call done, on a portal if possible; return what a signal handler raised meanwhile."""
    portal = None
    if not direct:
        with contextlib.suppress(CannotStartThreadError):
            portal = portal_for_this_thread()
    if portal is None:
        if running_loop() is not None:
            raise NoThreadError(*names)
        return run_directly(call, guard, parked_loop())
    own = this_threads_portal()
    if own is None:
        portal.submit(call)
        return _wait(call, portal, guard)
    return _carry_out_nested(call, portal, own, guard)


def _carry_out_nested(
    call: Call[Any], portal: Portal, own: Portal, guard: InterruptGuard | None
) -> BaseException | None:
    """Have a call done that was made on the loop thread of the portal ``own``."""
    own.waiting.append((call, portal))
    try:
        if call.parent is not None and call.parent.cancel_is_due:
            portal.cancel(call)  # whoever cancelled the parent may not have seen this call
        portal.submit(call)
        return _wait(call, portal, guard)
    finally:
        own.waiting.pop()
        own.close_deeper()
        if call.parent is not None and call.was_cancelled:
            call.parent.take_cancel()


def _wait(call: Call[Any], portal: Portal, guard: InterruptGuard | None) -> BaseException | None:
    """Perform errands until the call has ended; the one place where a sync call waits.

    The first exception from a signal handler cancels the work, and the wait goes on for its cleanup.
    The second one abandons the wait.
    """
    interruption: BaseException | None = None
    slice_ = _SLICE if guard is not None else None
    while True:
        exception: BaseException
        try:
            news = call.inbox.get(timeout=slice_)
            if news is ENDED or news is TURNED_AWAY:
                return interruption
            if isinstance(news, Errand):
                news.perform_guarded(guard)
                _check_process(portal, call)
                continue
            exception = news.exception
        except Empty:
            continue
        except ForkedCallError:
            raise
        except BaseException as error:  # noqa: BLE001 - from a signal handler: kept, raised at the end
            exception = error.with_traceback(None)
        if interruption is not None:
            return exception
        interruption = exception
        portal.cancel(call)


def _check_process(portal: Portal, call: Call[Any]) -> None:
    """Refuse to wait in a forked child for a portal that only the parent has."""
    if portal.is_of_another_process:
        raise ForkedCallError(call.what)


def _stop_listening(call: Call[Any]) -> BaseException | None:
    """Perform no more errands; a task that outlives the call and sends one is told so.

    Returns the exception of a signal that came after the last look: still a Ctrl-C.
    """
    call.abandoned = True
    late = None
    while not call.inbox.empty():
        news = call.inbox.get()
        if isinstance(news, Errand):
            call.turn_down(news)
        elif isinstance(news, Interruption):
            late = news.exception
    return late


def _conclude(call: Call[T], interruption: BaseException | None) -> T:
    """Return or raise what the call came to; an error of the cleanup goes with the interruption."""
    __tracebackhide__ = True
    outcome, call.outcome = call.outcome, None
    if call.expired and interruption is None:
        interruption = TimeoutError(f"{call.what} was cancelled after {call.timeout:g} s")
    if interruption is None:
        assert outcome is not None
        return outcome.unwrap()
    if outcome is not None:
        interruption.__cause__ = None if type(outcome.error) is asyncio.CancelledError else outcome.error
    try:
        raise interruption
    finally:
        del interruption, outcome, call


def _check(async_fn: object, on_running_loop: str, strategy: str, names: tuple[str, str]) -> None:
    if on_running_loop == "raise" and running_loop() is not None:
        raise CallerLoopError(*names)
    if on_running_loop not in ("warn", "allow", "raise"):
        raise ValueError(f"on_running_loop={on_running_loop!r}; write 'warn', 'allow' or 'raise'")
    if strategy not in ("portal", "direct"):
        raise ValueError(f"strategy={strategy!r}; write 'portal' or 'direct'")
    if not callable(async_fn):
        if inspect.iscoroutine(async_fn):
            async_fn.close()
            raise TypeError("run_sync() got a coroutine; give it the function: run_sync(fn, arg)")
        raise TypeError(f"run_sync() needs an async function, got {type(async_fn).__name__}")


def _check_context(context: contextvars.Context) -> None:
    """Find out here, with a clear error, whether another thread could enter the context."""
    try:
        context.run(bool)
    except RuntimeError:
        raise ContextInUseError from None


def _name_of(async_fn: object) -> str:
    function = async_fn.func if isinstance(async_fn, functools.partial) else async_fn
    return getattr(function, "__name__", "the async function")
