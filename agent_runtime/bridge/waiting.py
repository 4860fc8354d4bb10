"""The one place where a calling thread waits: it performs errands there, and hears of signals."""

from __future__ import annotations

import contextlib
import math
import time
from _queue import Empty
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol, runtime_checkable

from agent_runtime.bridge.call import TURNED_AWAY, Call
from agent_runtime.bridge.interrupts import InterruptGuard, Interruption, run_pending_handlers
from agent_runtime.bridge.portal import Portal
from agent_runtime.bridge.process import in_main_thread
from agent_runtime.bridge.service import Errand
from agent_runtime.bridge.suspending import sleeper_of_this_task
from agent_runtime.bridge.whereabouts import describe_work
from agent_runtime.bridge.workers import lend_place
from agent_runtime.errors import ForkedCallError

__all__ = (
    "SLICE",
    "GivingUp",
    "Lookout",
    "Watched",
    "guarding",
    "late_interruption",
    "stop_listening",
    "wait",
)

SLICE = 0.1
"""Seconds between the main thread's looks at pending signals. A signal ends a wait for a lock only if
it comes while the thread already sleeps: one that comes a few microseconds earlier is noted by the
interpreter and would not be looked at before the wait ends. On Windows none can interrupt the wait,
and on macOS another thread may be the one that the system interrupts."""

_LONGEST_SLICE = 2.0
"""Seconds between other threads' looks at the state of things; they begin with SLICE, and double."""


class GivingUp(NamedTuple):
    """Why a wait makes no sense any more, the seconds for a cleanup, and whether that is still to begin."""

    reason: BaseException
    patience: float = math.inf
    cancels: bool = True


@runtime_checkable
class Lookout(Protocol):
    """Whoever judges, every now and then, whether a wait still makes sense.

    Attributes:
        is_eager: whether it has to look often, because nobody will tell what it looks for.
    """

    is_eager: bool

    def look(self, call: Call[Any], portal: Portal) -> GivingUp | None:
        """Say why to give the call up, or None."""


@runtime_checkable
class Watched(Protocol):
    """Whoever can name a lookout for a call; asked only if the call takes its time."""

    def lookout(self, call: Call[Any], /) -> Lookout:
        """Return who judges the wait."""


class _Patience:
    """What has ended the wish for a result, and until when its cleanup is waited for."""

    def __init__(self, giving_up: GivingUp) -> None:
        self.reason = giving_up.reason
        self._until = time.monotonic() + giving_up.patience

    @property
    def is_over(self) -> bool:
        """Whether the cleanup has had its time."""
        return time.monotonic() > self._until


def wait(
    call: Call[Any],
    portal: Portal,
    guard: InterruptGuard | None,
    watched: Watched,
    *,
    interruption: BaseException | None = None,
    heard: list[object] | None = None,
) -> tuple[object, BaseException | None]:
    """Wait for news that is not an errand; perform errands until then.

    The first exception from a signal handler cancels the work, and the wait goes on for its cleanup;
    the second one abandons the wait. What the lookout says cancels likewise, but the cleanup gets
    only so many seconds.

    Args:
        call: what to wait for; it has been submitted.
        portal: where.
        guard: the owner of SIGINT, in the main thread.
        watched: names who looks after a call that takes its time.
        interruption: what a signal handler has raised before the wait could begin, and is being handled.
        heard: the first news, if the caller has listened already; taken out of the list.

    Returns:
        The news, or None for an abandoned wait; and the exception to raise, if any.

    Raises:
        ForkedCallError: this process is a child, forked while its parent waited here.
    """
    patience: _Patience | None = None
    lookout: Lookout | None = None
    slice_, longest = SLICE, SLICE if guard is not None else _LONGEST_SLICE
    while True:
        try:
            if interruption is not None:
                raise interruption  # to be kept below, as one that comes during the wait
            news = _hear(call, portal, guard, slice_, heard)
        except BaseException as error:  # noqa: BLE001 - from a signal handler: kept, raised at the end
            interruption = None
            giving_up: GivingUp | None = _interrupted(portal, error)
            if _has_lost_the_end(call):  # by the very instruction that took the news
                return call.final, error
        else:
            if isinstance(news, Interruption):
                giving_up = GivingUp(news.exception)
            elif news is not _NOTHING:
                return news, None if patience is None else patience.reason
            else:
                lookout = lookout or watched.lookout(call)
                slice_ = SLICE if lookout.is_eager else min(2 * slice_, longest)
                giving_up = _look(call, portal, patience, lookout)
        if giving_up is None:
            continue
        if patience is not None or _calls_off(call, portal, giving_up):
            return None, giving_up.reason
        patience = _Patience(giving_up)


def _interrupted(portal: Portal, error: BaseException) -> GivingUp:
    """Give up because of an exception that is being handled; raise it on in a forked child."""
    if portal.is_of_another_process:
        raise  # noqa: PLE0704 - called in an except block
    return GivingUp(error.with_traceback(None))


def _calls_off(call: Call[Any], portal: Portal, giving_up: GivingUp) -> bool:
    """Cancel the work; return whether it has not begun, and now never will: then no cleanup will end."""
    call.is_given_up = True
    if giving_up.cancels:
        portal.cancel(call)
    return giving_up.patience == math.inf and not call.has_begun


_NOTHING = "nothing"


def _hear(
    call: Call[Any],
    portal: Portal,
    guard: InterruptGuard | None,
    seconds: float,
    heard: list[object] | None,
) -> object:
    """Return the next news, or _NOTHING after ``seconds``; perform the errands that come before it."""
    while True:
        try:
            news = heard.pop() if heard else call.inbox.get(timeout=seconds)
        except Empty:
            news = _NOTHING
        if news is _NOTHING:  # out here, what a signal handler raises does not get the Empty for its context
            if portal.is_of_another_process:
                raise ForkedCallError(call.what) from None
            if guard is not None:
                run_pending_handlers()
            lend_place()
            return _missed(call, portal)
        if not isinstance(news, Errand):
            return news
        exiting = news.perform(guard)
        if portal.is_of_another_process:
            raise ForkedCallError(call.what) if exiting is None else exiting
        del exiting, news  # the frames of what was raised lead back to this one


def _missed(call: Call[Any], portal: Portal) -> object:
    """Return last news that will not come, or not again, through the inbox; or _NOTHING."""
    if _waits_for_its_caller(call, portal) and portal.withdraw(call):
        return TURNED_AWAY
    return call.final if _has_lost_the_end(call) else _NOTHING


def _has_lost_the_end(call: Call[Any]) -> bool:
    """Whether the last news have been taken out of the inbox, and a signal handler has kept them from us."""
    return call.final is not None and bool(call.inbox.empty())


def _waits_for_its_caller(call: Call[Any], portal: Portal) -> bool:
    """Whether the portal's thread waits for the thread that waits for it, and so will not take up.

    Two bridges whose loop threads begin to call each other at the same moment each find the other
    one free.
    """
    return call.caller is not None and call.task is None and portal in call.caller.waiters()


def _look(call: Call[Any], portal: Portal, patience: _Patience | None, lookout: Lookout) -> GivingUp | None:
    if patience is None:
        return lookout.look(call, portal)
    if not patience.is_over:
        return None
    patience.reason.add_note(f"still running: {describe_work(call, portal)}")
    return GivingUp(patience.reason)


def late_interruption(call: Call[Any]) -> BaseException | None:
    """Return the exception of a signal that came after the last look, and go on listening."""
    late, others = None, []
    while not call.inbox.empty():
        news = call.inbox.get()
        if isinstance(news, Interruption):
            late = news.exception
        else:
            others.append(news)
    for news in others:
        call.inbox.put(news)
    return late


def stop_listening(call: Call[Any]) -> BaseException | None:
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


@contextlib.contextmanager
def guarding(call: Call[None]) -> Iterator[InterruptGuard | None]:
    """Own SIGINT for the length of the block, if this is the main thread and it blocks."""
    if not in_main_thread() or sleeper_of_this_task() is not None:
        yield None
        return
    guard = InterruptGuard(call)
    try:
        guard.take_over()
        try:
            yield guard
        finally:
            guard.give_back()
    finally:
        guard.give_back()
