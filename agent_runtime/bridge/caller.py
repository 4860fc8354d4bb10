"""The calling thread's side of a sync call: submit, wait in one place, and perform errands there."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
import sys
from _queue import Empty
from collections.abc import Callable, Coroutine
from contextlib import nullcontext
from typing import Any, Literal, TypeVar, TypeVarTuple, Unpack

from agent_runtime.bridge.call import ENDED, TURNED_AWAY, Call
from agent_runtime.bridge.hostloop import running_loop
from agent_runtime.bridge.interrupts import INTERRUPTED, InterruptGuard, in_main_thread
from agent_runtime.bridge.portal import Portal
from agent_runtime.bridge.portals import portal_for_this_thread, this_threads_portal
from agent_runtime.bridge.service import Errand
from agent_runtime.errors import CallerLoopError, ContextInUseError
from agent_runtime.outcomes import failed

__all__ = ("OnRunningLoop", "run_sync")

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

OnRunningLoop = Literal["warn", "allow", "raise"]

_SLICE = None if sys.platform == "linux" else 0.05
"""Seconds between looks at pending signals. On Linux a signal ends the wait by itself: it goes to the
main thread. Elsewhere another thread may get it, and on Windows no lock wait can be interrupted."""


def run_sync(
    async_fn: Callable[[Unpack[Ts]], Coroutine[Any, Any, T]],
    /,
    *args: *Ts,
    timeout: float | None = None,
    context: contextvars.Context | None = None,
    on_running_loop: OnRunningLoop = "warn",
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

    Args:
        async_fn: the coroutine function to call, on the loop thread.
        *args: its positional arguments; use ``functools.partial`` for keywords.
        timeout: seconds until the work is cancelled; None for no limit.
        context: where the work runs, so that its changes can be read there afterwards. By default a
            copy of the caller's context: the work sees its variables, and changes do not come back.
        on_running_loop: what to do where a loop runs in this thread: "warn" and "allow" block it,
            "raise" refuses.
        names: what error messages call this function and its async variant.

    Returns:
        What ``async_fn`` returns.

    Raises:
        CallerLoopError: a loop runs in this thread and ``on_running_loop`` is "raise".
        ContextInUseError: ``context`` is entered already.
        TimeoutError: the time was up, and the work has been cancelled.
        TypeError: ``async_fn`` cannot be called to get an awaitable.
        BaseException: whatever ``async_fn`` raised, the object itself.
    """
    __tracebackhide__ = True
    _check(async_fn, on_running_loop, names or ("run_sync", _name_of(async_fn)))
    if context is None:
        context = contextvars.copy_context()
    else:
        _check_context(context)
    guarded = in_main_thread()
    while True:
        call: Call[T] = Call(async_fn, args, context=context, timeout=timeout)
        with InterruptGuard(call.inbox) if guarded else nullcontext() as guard:
            interruption = _carry_out(call, portal_for_this_thread(), guard)
        if interruption is None and guard is not None:
            interruption = guard.take()  # it came after the last look: still a Ctrl-C
        if call.outcome is not None or interruption is not None:
            return _conclude(call, interruption)


def _carry_out(call: Call[Any], portal: Portal, guard: InterruptGuard | None) -> BaseException | None:
    """Submit the call and wait for its end; return what a signal handler raised meanwhile."""
    own = this_threads_portal()
    if own is None:
        portal.submit(call)
        return _wait(call, portal, guard)
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
    while True:
        news: object = None
        try:
            news = call.inbox.get(timeout=_SLICE)
            if news is ENDED or news is TURNED_AWAY:
                _stop_listening(call)
                return interruption
            if news is INTERRUPTED:
                exception = guard.take() if guard is not None else None
            else:
                exception = _perform(news, guard)
        except Empty:
            continue
        except BaseException as error:  # noqa: BLE001 - from a signal handler: kept, raised at the end
            exception = error.with_traceback(None)
        if exception is None:
            continue
        if interruption is not None:
            _stop_listening(call)
            return exception
        interruption = exception
        portal.cancel(call)


def _perform(errand: object, guard: InterruptGuard | None) -> BaseException | None:
    """Perform an errand; what interrupts it belongs to it, as if it stood in a plain script."""
    assert isinstance(errand, Errand)
    try:
        if guard is None:
            errand.perform()
        else:
            guard.perform(errand.perform)
    except BaseException as error:  # noqa: BLE001 - a signal between our own instructions
        errand.report(failed(error))
    return None


def _stop_listening(call: Call[Any]) -> None:
    """Perform no more errands; a task that outlives the call and sends one is told so."""
    call.abandoned = True
    while not call.inbox.empty():
        news = call.inbox.get()
        if isinstance(news, Errand):
            call.turn_down(news)


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


def _check(async_fn: object, on_running_loop: str, names: tuple[str, str]) -> None:
    if on_running_loop == "raise" and running_loop() is not None:
        raise CallerLoopError(*names)
    if on_running_loop not in ("warn", "allow", "raise"):
        raise ValueError(f"on_running_loop={on_running_loop!r}; write 'warn', 'allow' or 'raise'")
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
