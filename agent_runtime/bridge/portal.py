"""A portal: one daemon thread with one long-lived event loop that carries out sync calls."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import sys
from _queue import Empty, SimpleQueue
from asyncio.log import logger
from collections import deque
from collections.abc import Callable
from os import getpid
from time import monotonic
from typing import Any

from agent_runtime.bridge.call import ENDED, TURNED_AWAY, Call
from agent_runtime.bridge.parking import Inbox, OwnLoop, ParkingLoop, finish_loop, made_in_silence
from agent_runtime.bridge.threads import disown_thread, get_ident, is_free_to_log, leave_child, start_thread
from agent_runtime.bridge.workers import CLOSE_LIMIT, lend_executor
from agent_runtime.errors import BridgeClosedError, BridgeError, LoopThreadDiedError
from agent_runtime.outcomes import Outcome, capture, failed

__all__ = ("LoopFactory", "Portal")

LoopFactory = Callable[[], asyncio.AbstractEventLoop]

_SLICE = 0.1
"""Seconds between looks at pending signals while the end of a portal is waited for."""
_DEEPER_CLOSE_LIMIT = 0.5
"""Seconds that a loop stands still for the end of the portal below it; usually that takes 0.2 ms."""
_DEEPER_CLOSE_LIMIT_BESIDE_OTHERS = 0.01
"""The same while the loop carries out other calls: theirs is the time."""


class Portal:
    """One loop thread, and the door to it.

    ``submit`` may be called on any thread, from inside a signal handler or a finaliser, at any
    moment: it appends to a deque and wakes the loop, both reentrant. All else that changes state
    happens on the loop thread.

    Attributes:
        owner: the set of portals that this one belongs to.
        depth: 0 for the portal that everybody shares; k + 1 serves calls made on portal k's thread.
        thread_id: ident of the loop thread.
        is_open: whether it still takes calls.
        waiting: the calls that this portal's own thread is making right now, outermost first.
        deeper: under "portal", the one that serves these calls, if there is one.
        nesting: the calls it carries out that have made such calls, and may make others.
        upper: the portal whose thread's calls this one serves, or None.
        is_inherited: whether a child, which has taken notice of its fork, has it from its parent.
    """

    def __init__(self, *, owner: object, depth: int, loop_factory: LoopFactory) -> None:
        self.owner = owner
        self.depth = depth
        self.thread_id = 0
        self.waiting: list[tuple[Call[Any], Portal]] = []
        self.deeper: dict[str, Portal] = {}
        self.nesting: set[Call[Any]] = set()
        self.upper: Portal | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loop_factory = loop_factory
        self._pending: deque[Call[Any]] = deque()
        self._live: set[Call[Any]] = set()
        self.is_open = True
        self._retiring = False
        self._loop_serves = True
        self._has_ended = False
        self._died_of: Callable[[str], BridgeError] | None = None
        self._process = getpid()
        self.is_inherited = False
        self._rouse: Callable[[], object] = self._have_taken_up
        self._ready: SimpleQueue[Outcome[None] | None] = SimpleQueue()
        self._ended: Any = Inbox()

    def start(self, *, on_start: Callable[[], None], on_end: Callable[[], None], name: str) -> None:
        """Start the thread and wait until its loop exists.

        Args:
            on_start: called on the loop thread before it serves.
            on_end: called on the loop thread when it will serve no more.
            name: for the thread.

        Raises:
            CannotStartThreadError: no thread can be started here.
            OSError: the loop could not get its descriptors.
        """
        self._on_start = on_start
        self._on_end = on_end
        # asyncio logs a line as it makes a loop, and logging takes its lock to find out whether to. The
        # frame that holds the lock may be the one that was interrupted to make this very call. On this
        # thread the lock is reentrant; on the loop thread the answer is known then.
        logging.getLogger(__name__.partition(".")[0]).addFilter(is_free_to_log)
        if logger.isEnabledFor(logging.DEBUG):
            self._loop_factory = functools.partial(made_in_silence, self._loop_factory)
        start_thread(self.main, name=name)
        try:
            failure = self._ready.get()
        except BaseException:  # a signal handler raised: nobody will ever use this portal
            self.abandon()
            raise
        if failure is not None:
            failure.unwrap()

    def abandon(self) -> None:
        """End the thread without waiting for that: nobody will ever use this portal."""
        self.is_open = False
        self._wake(self._stop)

    def main(self) -> None:
        """Be the loop thread, from its start to its end, whatever brings that about."""
        self.thread_id = get_ident()
        lived = capture(self._serve)
        if lived.error is not None:
            self.is_open = False
            self._died_of = functools.partial(LoopThreadDiedError.of, lived.error)
            capture(self._wind_up, self._died_of)
            self._ready.put(lived)
        disown_thread()
        self._has_ended = True
        self._ended.put(None)  # from here on nobody waits for this thread
        self._on_end()
        self.close_deeper()

    @property
    def is_of_another_process(self) -> bool:
        """Whether this process was forked from the one that has the loop thread."""
        return self._process != getpid()

    def submit(self, call: Call[Any]) -> None:
        """Queue a call and wake the loop; if the portal is closed, the call is turned away."""
        self._pending.append(call)
        if not self.is_open:
            self._turn_away()
            return
        try:
            self._rouse()
        except BaseException:
            self.withdraw(call)
            raise

    def withdraw(self, call: Call[Any]) -> bool:
        """Take a call back that has not been taken up yet; return whether that was possible."""
        try:
            self._pending.remove(call)
        except ValueError:
            return False
        return True

    def cancel(self, call: Call[Any]) -> None:
        """Cancel a call once, from any thread.

        While the loop thread itself waits in a nested call of it, the loop cannot deliver anything;
        then the nested call is cancelled, and what it raises is the delivery.
        """
        call.request_cancel()
        if isinstance(self._loop, ParkingLoop):
            self._loop.parking.rest_at_once()
        self._wake(call.deliver_cancel)
        for nested, portal in reversed(tuple(self.waiting)):
            if nested.descends_from(call):
                portal.cancel(nested)

    def end(self, call: Call[Any]) -> None:
        """Tell the caller that the outcome is there; on the loop thread."""
        self._live.discard(call)
        if self.is_inherited:
            leave_child(call.outcome)
        if self.deeper:
            self.nesting.discard(call)
            self.close_deeper()
        if call.is_resumable or not self._retiring:
            call.finish(ENDED)
        if self.upper is not None and not self._live and not self.upper.nesting:
            self._leave(self.upper)

    def _leave(self, upper: Portal) -> None:
        """End with a call that has outlived the one in which it began: nobody else will think of it."""
        if upper.is_open:
            upper.call_soon(upper.close_deeper)
        else:
            self.abandon()

    def close_deeper(self) -> None:
        """Close the next portal below once nothing can need it; on the loop thread.

        Tasks left there that ignore their cancellation are not waited for: this loop has other calls.
        """
        deeper = self.deeper.get("portal")
        if deeper is not None and not self.nesting and not self.waiting and not deeper.has_calls:
            self.deeper.pop("portal", None)
            deeper.close(_DEEPER_CLOSE_LIMIT_BESIDE_OTHERS if self._live else _DEEPER_CLOSE_LIMIT)

    def begin_nested(self, call: Call[Any], portal: Portal) -> None:
        """Note that this portal's own thread is about to wait for a call on another one."""
        self.waiting.append((call, portal))
        if call.parent in self._live:
            self.nesting.add(call.parent)

    def has(self, call: Call[Any]) -> bool:
        """Whether it has taken the call, so that its caller will hear of the end; from any thread."""
        return call.final is not None or call in self._live or call in tuple(self._pending)

    @property
    def has_calls(self) -> bool:
        """Whether it carries out anything now, or is about to."""
        return bool(self._live or self._pending)

    @property
    def count_of_calls(self) -> int:
        """How many calls it is carrying out."""
        return len(self._live)

    @property
    def has_timers(self) -> bool:
        """Whether anything is scheduled on its loop for later; also if that cannot be found out."""
        scheduled = getattr(self._loop, "_scheduled", None)
        return scheduled is None or any(not timer.cancelled() for timer in tuple(scheduled))

    @property
    def calls(self) -> tuple[Call[Any], ...]:
        """What it carries out now, and what waits to be taken up."""
        return (*tuple(self._live), *tuple(self._pending))

    def waiters(self) -> set[Portal]:
        """Return the portals whose threads wait, directly or through others, for this one; and it."""
        found, left = {self}, [self]
        while left:
            portal = left.pop()
            callers = {call.caller for call in portal.calls if call.caller is not None} - found
            found |= callers
            left += callers
        return found

    def close(self, limit: float = CLOSE_LIMIT) -> None:
        """Take no more calls, cancel what is left, close the loop and wait for the thread's end.

        On any thread but the portal's own; blocks it until leftover tasks have ended, ``limit``
        seconds at most. Calls that this cuts off end with BridgeClosedError in their callers.
        """
        self.is_open = False
        self._turn_away()
        self._wake(self._stop)
        until = monotonic() + limit
        # In slices: a signal that comes just before the thread sleeps would not be looked at until the end.
        # And what takes the news of the end out of the queue may be interrupted, too, and lose them.
        while not self._has_ended and (left := until - monotonic()) > 0:
            if self._tells_its_end(min(left, _SLICE)):
                self._ended.put(None)

    def retire(self, limit: float) -> asyncio.AbstractEventLoop | None:
        """End the thread because the process ends, but keep the loop for calls that come still later.

        Tasks are cancelled. Callers of calls that this cuts off are daemon threads (others have been
        joined by now): they are told nothing, for an exception could only print a traceback.

        Returns:
            The loop, which nothing drives any more; None if the thread did not end within ``limit``
            seconds, because something blocks it.
        """
        self._retiring = True
        self.is_open = False
        self._wake(self._stop)
        if self._tells_its_end(limit):
            return self._loop
        for call in self.calls:
            call.lose(forked=False)
        return None

    def _tells_its_end(self, seconds: float) -> bool:
        """Wait for the news of the end; an Empty is no context for what a signal handler raises next."""
        try:
            self._ended.get(timeout=seconds)
        except Empty:
            return False
        return True

    def call_soon(self, callback: Callable[..., object], *args: object) -> None:
        """Have a callback called on the loop thread; from any thread."""
        self._wake(functools.partial(callback, *args))

    def _stop(self) -> None:
        assert self._loop is not None
        if self._loop_serves:  # a second request must not cut short what is done at the end
            self._loop.stop()

    def _wake(self, callback: Callable[[], object]) -> None:
        if self._loop is None:
            return  # start() is being given up, before the thread has got as far
        try:
            self._loop.call_soon_threadsafe(callback)
        except RuntimeError:
            if not self._loop.is_closed():
                raise  # RecursionError is one, too
            self._turn_away()  # what was queued meanwhile goes elsewhere

    def _turn_away(self) -> None:
        while True:
            try:
                call = self._pending.popleft()
            except IndexError:
                return
            if self._died_of is None:
                call.finish(TURNED_AWAY)
            else:  # whoever made the call anew might find such a loop again, and again
                call.cut_off_by = self._died_of
                call.finish(ENDED)

    def _have_taken_up(self) -> None:
        self._wake(self._take_up)

    def _look_up(self) -> None:
        """Have calls taken up in the turn of the loop that begins now; never raises."""
        if self._pending:
            assert self._loop is not None
            self._loop.call_soon(self._take_up)  # here, somebody's code would run inside select()

    def _take_up(self) -> None:
        assert self._loop is not None
        if not self.is_open:
            self._turn_away()
            return
        pending = self._pending
        while pending:
            try:
                call = pending.popleft()
            except IndexError:  # its caller has withdrawn it just now
                return
            self._live.add(call)
            try:
                _start_task(call, self, self._loop)
            except BaseException as error:  # noqa: BLE001 - no memory, say: its caller has to know
                call.outcome = failed(error)
                self.end(call)

    def _serve(self) -> None:
        # A thread of an embedding process may find the mark of another interpreter's loop (CPython 3.11).
        asyncio._set_running_loop(None)  # noqa: SLF001 - documented for authors of loops
        self._on_start()
        loop = self._loop = self._loop_factory()
        if not isinstance(loop, OwnLoop):
            lend_executor(loop)
        if isinstance(loop, ParkingLoop):
            loop.parking.on_wake = self._look_up if _STARTS_EAGERLY else self._take_up
            self._rouse = loop.wake
        if loop.get_debug():  # then asyncio logs what is slow
            logger.addFilter(is_free_to_log)
        self._ready.put(None)
        while self.is_open:
            # A task that a step left behind may raise SystemExit or KeyboardInterrupt: asyncio then
            # lets it through run_forever(). The loop is sound, and others have calls on it.
            with contextlib.suppress(SystemExit, KeyboardInterrupt):
                loop.run_forever()
        self._wind_up(BridgeClosedError)

    def _wind_up(self, cut_off_by: Callable[[str], BridgeError]) -> None:
        """End what is left, and tell the callers why: it was closed, or its loop has failed."""
        loop, self._loop_serves = self._loop, False
        for call in tuple(self._live):
            call.cut_off_by = cut_off_by
        ours = None if loop is None or loop.is_running() else loop  # a factory may give one of another thread
        if ours is not None:
            capture(finish_loop, ours)
        if isinstance(loop, ParkingLoop):
            loop.parking.may_park = False  # from here on it belongs to no portal
            loop.parking.on_wake = bool
        self.nesting.clear()
        if not self._retiring:
            if ours is not None:
                ours.close()
            for call in tuple(self._live):
                call.finish(ENDED)  # it ignored its cancellation, and will never get further
        self._turn_away()


_STARTS_EAGERLY = sys.version_info >= (3, 12)


def _start_task(call: Call[Any], portal: Portal, loop: asyncio.AbstractEventLoop) -> asyncio.Task[None]:
    """Start the call's task, in the call's context; from 3.12 on its first step runs right here."""
    if sys.version_info >= (3, 12):
        return asyncio.Task(call.drive(portal), loop=loop, context=call.context, eager_start=True)
    call.born = task = asyncio.Task(call.drive(portal), loop=loop, context=call.context)
    return task
