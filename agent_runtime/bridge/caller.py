"""The calling thread's side of a sync call: check, submit, wait, and return what it came to."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import inspect
import math
from _queue import Empty
from collections.abc import Callable, Coroutine, Iterator
from time import monotonic
from types import TracebackType
from typing import Any, Literal, NamedTuple, TypeVar

from agent_runtime.bridge import hostloop
from agent_runtime.bridge.call import ENDED, TURNED_AWAY, Call
from agent_runtime.bridge.direct import run_directly
from agent_runtime.bridge.hostloop import (
    loop_would_block,
    named_here,
    run_of_trio,
    running_loop,
    warn_of_blocked_loop,
)
from agent_runtime.bridge.interrupts import NO_GUARD, InterruptGuard, is_raised_at_once, observed
from agent_runtime.bridge.portal import Portal
from agent_runtime.bridge.portals import PortalSet
from agent_runtime.bridge.process import parked_loop, this_thread
from agent_runtime.bridge.stalls import StallLookout
from agent_runtime.bridge.suspending import Sleeper, TaskInbox, sleeper_of_this_task
from agent_runtime.bridge.threads import CannotStartThreadError
from agent_runtime.bridge.waiting import SLICE, stop_listening, wait
from agent_runtime.errors import (
    CallerLoopError,
    ContextInUseError,
    NoThreadError,
)

__all__ = (
    "OnRunningLoop",
    "Options",
    "Strategy",
    "WarningOfABlockedLoop",
    "call_sync",
    "late_portal",
    "names_of",
    "no_function",
    "standing_on",
)

T = TypeVar("T")

OnRunningLoop = Literal["warn", "allow", "raise"]
Strategy = Literal["portal", "direct"]


class Options(NamedTuple):
    """How a sync call is to be made; :func:`agent_runtime.bridge.run_sync` says what each means.

    A named tuple, because one is made for every call. What only messages need, the names and the
    lookout, is made when there is something to say.

    Attributes:
        source: the async function, iterator or context manager; for its name.
        given_names: what messages call the sync call and what to await instead, if not by its name.
    """

    source: object
    timeout: float | None = None
    context: contextvars.Context | None = None
    on_running_loop: OnRunningLoop = "warn"
    stall_timeout: float | None = 10.0
    strategy: Strategy = "portal"
    given_names: tuple[str, str] | None = None

    @property
    def names(self) -> tuple[str, str]:
        """What messages call the sync call and what to await instead."""
        return named_here(self.given_names or observed(names_of, self.source, otherwise=_NAMELESS))

    def lookout(self, call: Call[Any]) -> StallLookout:
        """Return who judges the wait for a call that takes its time."""
        return StallLookout(
            self.names,
            started=call.made_at,
            timeout=call.time_left,
            stall_timeout=self.stall_timeout,
            blocked_loop=None if isinstance(call.inbox, TaskInbox) else running_loop() or run_of_trio(),
        )

    def check(self) -> None:
        """Raise for what cannot be done, before anything is."""
        if self[1:4] == _USUAL and self.strategy == "portal":
            return
        self.check_loop()
        if self.on_running_loop not in ("warn", "allow", "raise"):
            raise ValueError(f"on_running_loop={self.on_running_loop!r}; write 'warn', 'allow' or 'raise'")
        if self.strategy not in ("portal", "direct"):
            raise ValueError(f"strategy={self.strategy!r}; write 'portal' or 'direct'")
        if self.timeout is not None:
            _check_timeout(self.timeout)
        if self.context is not None:
            _check_context(self.context)

    def check_loop(self) -> None:
        """Raise if the call would block a running loop and must not."""
        if self.on_running_loop == "raise" and loop_would_block() and sleeper_of_this_task() is None:
            raise CallerLoopError(*self.names)

    def warn_of_blocked_loop(self, seconds: float, *, failed: bool) -> None:
        """Warn if a loop of this thread stood still for long.

        Where warnings are errors, this one does not take the place of what the call has raised.
        """
        raised = observed(warn_of_blocked_loop, self, seconds, otherwise=None)
        if raised is not None and not failed:
            raise raised


_NAMELESS = ("run_sync", "the async function")

_USUAL = (None, None, "warn")
"""No timeout, no context, and a warning if a loop is blocked: what most calls leave as it is."""


def call_sync(
    portals: PortalSet,
    async_fn: Callable[..., Coroutine[Any, Any, T]],
    args: tuple[object, ...],
    options: Options,
) -> T:
    """Run ``async_fn(*args)`` on a portal of the set and return what it returns; blocks the thread.

    Made anew as long as portals that are closing turn it away.
    """
    __tracebackhide__ = True
    options.check()
    if not callable(async_fn):
        raise no_function(async_fn)
    made_on, own, in_main = this_thread()
    sleeper = sleeper_of_this_task()
    warns = sleeper is None and options.on_running_loop == "warn"
    started = monotonic()
    context = options.context
    failed = True
    try:
        while True:
            call: Call[T] = Call(
                async_fn,
                args,
                context=contextvars.copy_context() if context is None else context,
                timeout=options.timeout,
                made_at=started,
                made_on=made_on,
            )
            if sleeper is not None or not in_main:
                interruption = _carry_out(portals, call, own, options, None, sleeper)
            elif is_raised_at_once():
                interruption = _carry_out(portals, call, own, options, NO_GUARD)
            else:
                guard = InterruptGuard(call)
                try:
                    guard.take_over()
                    interruption = _carry_out(portals, call, own, options, guard)
                finally:
                    try:
                        guard.give_back()
                    except BaseException:  # the handler of another signal's, in the middle of it
                        guard.give_back()
                        raise
            interruption = stop_listening(call) or interruption
            if call.outcome is not None or interruption is not None:
                value = _conclude(call, interruption)
                failed = False
                return value
    finally:
        if warns and monotonic() - started >= hostloop.THRESHOLD:
            options.warn_of_blocked_loop(monotonic() - started, failed=failed)


def _carry_out(
    portals: PortalSet,
    call: Call[Any],
    own: Portal | None,
    options: Options,
    guard: InterruptGuard | None,
    sleeper: Sleeper | None = None,
) -> BaseException | None:
    """Have the call done, on a portal if possible; return what a signal handler raised meanwhile."""
    portal = None
    if options.strategy == "portal":
        try:  # noqa: SIM105 - suppress() costs a microsecond a call
            portal = portals.for_thread(own, blocks=sleeper is None)
        except CannotStartThreadError:
            pass
    if portal is None:
        if running_loop() is not None:
            return _carry_out_beside(portals, call, own, options, guard)
        return _run_directly(portals, call, guard)
    return _carry_out_on(portal, portals, call, own, options, guard, sleeper)


def _carry_out_beside(
    portals: PortalSet, call: Call[Any], own: Portal | None, options: Options, guard: InterruptGuard | None
) -> BaseException | None:
    """Have the call done by a loop thread that is there for it alone: this thread runs a loop, which waits.

    For calls made at the end of the process by async code that the hook drives itself.
    """
    portal = late_portal(portals, options)
    try:
        return _carry_out_on(portal, portals, call, own, options, guard)
    finally:
        portal.close()


def late_portal(portals: PortalSet, options: Options) -> Portal:
    """Start a portal for what begins past the exit hook on a thread that runs a loop; to be closed with it.

    Raises:
        NoThreadError: the process does not end yet, no thread can be started, or none is wanted.
    """
    try:
        if options.strategy != "portal":
            raise CannotStartThreadError
        return portals.start_late()
    except CannotStartThreadError:
        raise NoThreadError(*options.names) from None


def _carry_out_on(
    portal: Portal,
    portals: PortalSet,
    call: Call[Any],
    own: Portal | None,
    options: Options,
    guard: InterruptGuard | None,
    sleeper: Sleeper | None = None,
) -> BaseException | None:
    """Have a portal do the call; return what a signal handler raised meanwhile."""
    if sleeper is not None:
        call.inbox = TaskInbox(call.inbox, sleeper)
        call.caller = None if own is portal else own
    try:
        if own is None or sleeper is not None:
            news, interruption = _hand_over(call, portal, guard, options)
        else:
            with standing_on(own, call, portal):
                news, interruption = _hand_over(call, portal, guard, options)
    except BaseException:  # the second of a signal handler, or the first before the work was handed over
        portal.cancel(call)
        stop_listening(call)
        raise
    if call.cut_off_by is not None and news is not TURNED_AWAY and interruption is None:
        return call.cut_off_by(portals.name)
    return interruption


def _run_directly(portals: PortalSet, call: Call[Any], guard: InterruptGuard | None) -> BaseException | None:
    """Have the call done on this thread; own SIGINT, for nothing may be raised in the middle of a loop."""
    if guard is not NO_GUARD:
        return run_directly(call, guard, parked_loop(portals))
    guard = InterruptGuard(call)
    try:
        guard.take_over()
        return run_directly(call, guard, parked_loop(portals))
    finally:
        try:
            guard.give_back()
        except BaseException:  # as in call_sync()
            guard.give_back()
            raise


def _hand_over(
    call: Call[Any], portal: Portal, guard: InterruptGuard | None, options: Options
) -> tuple[object, BaseException | None]:
    """Submit the call and wait for it; what comes up between our own instructions is an interruption, too."""
    heard: list[object] = []
    try:
        portal.submit(call)
        # Most calls are short, and hear of nothing but their end.
        try:  # noqa: SIM105 - suppress() costs a microsecond a call
            heard.append(call.inbox.get(timeout=SLICE))
        except Empty:
            pass
        if heard and heard[0] is ENDED:
            return ENDED, None
        return wait(call, portal, guard, options, heard=heard)
    except BaseException as error:
        if call.is_given_up or not portal.has(call):
            raise
        return wait(call, portal, guard, options, interruption=error)


@contextlib.contextmanager
def standing_on(own: Portal, call: Call[Any], portal: Portal) -> Iterator[None]:
    """Note for the length of the block, a wait, on which portal's thread the caller stands.

    Whoever cancels the call that this one is part of has to find it: the loop on this thread cannot
    deliver a cancellation while it waits.
    """
    call.caller = own
    own.begin_nested(call, portal)
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
        cancelled = type(outcome.error) is asyncio.CancelledError
        interruption.__cause__ = interruption.__cause__ if cancelled else outcome.error
    try:
        raise interruption
    finally:
        del interruption, outcome, call


def no_function(given: object, to: str = "run_sync") -> TypeError:
    """Return what to raise for something that is no async function; a coroutine is closed."""
    if inspect.iscoroutine(given):
        given.close()
        return TypeError(f"{to}() got a coroutine; give it the function: {to}(fn, arg)")
    return TypeError(f"{to}() needs an async function, got {type(given).__name__}")


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
    return "run_sync", getattr(function, "__name__", _NAMELESS[1])


class WarningOfABlockedLoop:
    """Warns at its end if a running loop stood still for long."""

    def __init__(self, options: Options, started: float) -> None:
        self._options = options
        self._started = started

    def __enter__(self) -> None:
        """Do nothing yet."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Warn."""
        seconds = monotonic() - self._started
        if seconds < hostloop.THRESHOLD or self._options.on_running_loop != "warn":
            return
        if sleeper_of_this_task() is None:
            self._options.warn_of_blocked_loop(seconds, failed=kind is not None)
