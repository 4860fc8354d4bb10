"""The calling thread's side of a sync call: check, submit, wait, and return what it came to."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import inspect
import math
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from agent_runtime.bridge.call import TURNED_AWAY, Call
from agent_runtime.bridge.direct import run_directly
from agent_runtime.bridge.hostloop import HostLoopWatch, running_loop
from agent_runtime.bridge.interrupts import InterruptGuard, in_main_thread
from agent_runtime.bridge.portal import Portal
from agent_runtime.bridge.portals import PortalSet
from agent_runtime.bridge.process import parked_loop, this_threads_portal
from agent_runtime.bridge.stalls import StallLookout
from agent_runtime.bridge.threads import CannotStartThreadError
from agent_runtime.bridge.waiting import Lookout, stop_listening, wait
from agent_runtime.errors import (
    BridgeClosedError,
    CallerLoopError,
    ContextInUseError,
    NoThreadError,
)

__all__ = ("OnRunningLoop", "Options", "Strategy", "call_sync", "made_on", "names_of")

T = TypeVar("T")

OnRunningLoop = Literal["warn", "allow", "raise"]
Strategy = Literal["portal", "direct"]


@dataclass(frozen=True)
class Options:
    """How a sync call is to be made; :func:`agent_runtime.bridge.run_sync` says what each means."""

    timeout: float | None = None
    context: contextvars.Context | None = None
    on_running_loop: OnRunningLoop = "warn"
    stall_timeout: float | None = 10.0
    strategy: Strategy = "portal"
    names: tuple[str, str] = ("run_sync", "the async function")

    def check(self, async_fn: object) -> None:
        """Raise for what cannot be done, before anything is."""
        if self.on_running_loop == "raise" and running_loop() is not None:
            raise CallerLoopError(*self.names)
        if self.on_running_loop not in ("warn", "allow", "raise"):
            raise ValueError(f"on_running_loop={self.on_running_loop!r}; write 'warn', 'allow' or 'raise'")
        if self.strategy not in ("portal", "direct"):
            raise ValueError(f"strategy={self.strategy!r}; write 'portal' or 'direct'")
        _check_timeout(self.timeout)
        if not callable(async_fn):
            if inspect.iscoroutine(async_fn):
                async_fn.close()
                raise TypeError("run_sync() got a coroutine; give it the function: run_sync(fn, arg)")
            raise TypeError(f"run_sync() needs an async function, got {type(async_fn).__name__}")
        if self.context is not None:
            _check_context(self.context)


def call_sync(
    portals: PortalSet,
    async_fn: Callable[..., Coroutine[Any, Any, T]],
    args: tuple[object, ...],
    options: Options,
) -> T:
    """Run ``async_fn(*args)`` on a portal of the set and return what it returns; blocks the thread."""
    __tracebackhide__ = True
    options.check(async_fn)
    watch = HostLoopWatch.begin(options.names) if options.on_running_loop == "warn" else None
    try:
        return _until_taken_up(portals, async_fn, args, options)
    finally:
        if watch is not None:
            watch.end()


def _until_taken_up(
    portals: PortalSet,
    async_fn: Callable[..., Coroutine[Any, Any, T]],
    args: tuple[object, ...],
    options: Options,
) -> T:
    """Carry a call out; make it anew as long as portals that are closing turn it away."""
    __tracebackhide__ = True
    guarded = in_main_thread()
    context = options.context
    while True:
        call: Call[T] = Call(
            async_fn,
            args,
            context=contextvars.copy_context() if context is None else context,
            timeout=options.timeout,
        )
        with InterruptGuard(call) if guarded else contextlib.nullcontext() as guard:
            interruption = _carry_out(portals, call, guard, options)
        interruption = stop_listening(call) or interruption
        if call.outcome is not None or interruption is not None:
            return _conclude(call, interruption)


def _carry_out(
    portals: PortalSet, call: Call[Any], guard: InterruptGuard | None, options: Options
) -> BaseException | None:
    """Have the call done, on a portal if possible; return what a signal handler raised meanwhile."""
    portal = None
    if options.strategy == "portal":
        with contextlib.suppress(CannotStartThreadError):
            portal = portals.for_this_thread()
    if portal is None:
        if running_loop() is not None:
            raise NoThreadError(*options.names)
        return run_directly(call, guard, parked_loop(portals))
    lookout: Lookout = StallLookout(options.names, timeout=call.timeout, stall_timeout=options.stall_timeout)
    try:
        with made_on(this_threads_portal(), call, portal):
            portal.submit(call)
            news, interruption = wait(call, portal, guard, lookout)
    except BaseException:  # a signal handler's, between our own instructions: nobody will listen
        portal.cancel(call)
        stop_listening(call)
        raise
    if call.cut_off and news is not TURNED_AWAY and interruption is None:
        return BridgeClosedError(portals.name)
    return interruption


@contextlib.contextmanager
def made_on(own: Portal | None, call: Call[Any], portal: Portal) -> Iterator[None]:
    """Note for the length of the block, a wait, on which portal's thread the caller stands, if any.

    Whoever cancels the call that this one is part of has to find it: the loop on this thread cannot
    deliver a cancellation while it waits.
    """
    if own is None:
        yield
        return
    call.caller = own
    own.waiting.append((call, portal))
    try:
        if call.parent is not None and call.parent.cancel_is_due:
            portal.cancel(call)  # whoever cancelled the parent may not have seen this call
        yield
    finally:
        own.waiting.pop()
        own.close_deeper()
        if call.parent is not None and call.was_cancelled:
            call.parent.take_cancel()


def _conclude(call: Call[T], interruption: BaseException | None) -> T:
    """Return or raise what the call came to; an error of the cleanup goes with the interruption."""
    __tracebackhide__ = True
    outcome, call.outcome = call.outcome, None
    if call.expired and interruption is None:
        interruption = call.timeout_error()
    if interruption is None:
        assert outcome is not None
        return outcome.unwrap()
    if outcome is not None:
        interruption.__cause__ = None if type(outcome.error) is asyncio.CancelledError else outcome.error
    try:
        raise interruption
    finally:
        del interruption, outcome, call


def _check_timeout(timeout: object) -> None:
    if timeout is None:
        return
    if isinstance(timeout, bool) or not isinstance(timeout, int | float):
        raise TypeError(f"timeout={timeout!r}; write seconds as a number, or None for no limit")
    if math.isnan(timeout):
        raise ValueError("timeout is not a number; write seconds, or None for no limit")


def _check_context(context: contextvars.Context) -> None:
    """Find out here, with a clear error, whether another thread could enter the context."""
    try:
        context.run(bool)
    except RuntimeError:
        raise ContextInUseError from None


def names_of(async_fn: object) -> tuple[str, str]:
    """Return what messages call the sync call and what to await instead."""
    function = async_fn.func if isinstance(async_fn, functools.partial) else async_fn
    return "run_sync", getattr(function, "__name__", "the async function")
