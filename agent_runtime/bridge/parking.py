"""Sleeping on a lock: a queue whose waits end when they should, and a loop that needs no descriptor to."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import selectors
import sys
from _queue import Empty, SimpleQueue  # the C class: reentrant against signals, untouched by gevent
from _thread import allocate_lock, get_ident
from asyncio.log import logger
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVarTuple, Unpack

from agent_runtime.bridge.threads import block_signals, restore_signals

__all__ = (
    "Empty",
    "Inbox",
    "ParkingLoop",
    "ParkingSelector",
    "PatientQueue",
    "can_park",
    "made_in_silence",
)

Ts = TypeVarTuple("Ts")

_loop_class: Any = asyncio.BaseEventLoop
_used = {*_loop_class.call_soon.__code__.co_names, *_loop_class._call_soon.__code__.co_names}  # noqa: SLF001
can_park = hasattr(asyncio.SelectorEventLoop, "_write_to_self") and {"_debug", "_ready"} <= _used
"""Whether asyncio still wakes its selector loop through the one method that is replaced here, and keeps what
is due where the other one puts it."""


GRACE = 0.001
"""Seconds that a wait goes on before it blocks signals. To block and to restore them takes two system calls,
up to 5 µs, which each of many calls in a row would pay. A guess at what is long for them and short else."""


class ParkingSelector(selectors.DefaultSelector):
    """A selector for a loop that other threads wake all the time, and sockets only now and then.

    To wake a thread out of ``epoll_wait`` takes three system calls and a socket; out of a lock, one
    futex. So while the loop watches nothing but its own self-pipe, ``select`` waits for a token in a
    queue, and as soon as there is a descriptor to watch, for descriptors.

    No wake-up is lost. Whoever wakes puts a token first and looks at ``polling`` then; the loop sets
    ``polling`` first and looks for a token then: of two who race, at least one sees the other. Tokens
    are taken only after the wait: whoever put one has queued its callback before, and the loop looks
    at its callbacks next.

    A wait of the portal's thread that takes longer than :data:`GRACE` is done with signals blocked.

    Attributes:
        polling: whether the loop sleeps, or is about to, where only the self-pipe can wake it.
        may_park: False to wait for descriptors alone, for a loop that the main thread drives: there
            a signal must end the wait, whenever it comes.
        on_wake: called on the loop's thread after each wait; must not raise.
        tokens: to put one ends the next wait, or the one that goes on; from any thread, reentrant.
    """

    def __init__(self) -> None:
        super().__init__()
        self.polling = False
        self.may_park = True
        self.on_wake: Callable[[], object] = bool
        self.tokens: SimpleQueue[None] = SimpleQueue()
        self._watched = 0

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Watch one more descriptor."""
        key = super().register(fileobj, events, data)
        self._watched += 1
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """Watch one descriptor less."""
        key = super().unregister(fileobj)
        self._watched -= 1
        return key

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait until there is something to do, ``timeout`` seconds at most; None is for ever."""
        tokens = self.tokens
        events: list[tuple[selectors.SelectorKey, int]] = []
        if self._watched > 1 or not self.may_park:
            events = self._poll(timeout)
        elif timeout is None or timeout > 0:
            try:
                tokens.get(timeout=GRACE if timeout is None or timeout > GRACE else timeout)
            except Empty:
                self._park(timeout)
        while not tokens.empty():
            tokens.get()
        self.on_wake()
        return events

    def _park(self, timeout: float | None) -> None:
        """Wait on for a token and take it, when it has not come at once."""
        if timeout is not None and timeout <= GRACE:
            return
        mask = block_signals()
        try:
            self.tokens.get(timeout=None if timeout is None else timeout - GRACE)
        except Empty:
            pass
        finally:
            restore_signals(mask)

    def _poll(self, timeout: float | None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait for a descriptor, or for a token and leave it there."""
        if timeout is not None and timeout <= 0:
            return super().select(timeout)
        if not self.may_park or (timeout is not None and timeout <= GRACE):
            return self._poll_openly(timeout)
        events = self._poll_openly(GRACE)
        if events or not self.tokens.empty():
            return events
        mask = block_signals()
        try:
            return self._poll_openly(None if timeout is None else timeout - GRACE)
        finally:
            restore_signals(mask)

    def _poll_openly(self, timeout: float | None) -> list[tuple[selectors.SelectorKey, int]]:
        self.polling = True
        try:
            return super().select(timeout if self.tokens.empty() else 0)
        finally:
            self.polling = False


class ParkingLoop(asyncio.SelectorEventLoop):
    """asyncio's standard loop for Unix with a :class:`ParkingSelector`, its ``parking``.

    Is given the selector, because a loop that fails while it makes one complains when it is collected.
    """

    def __init__(self, parking: ParkingSelector) -> None:
        self.parking = parking
        self._put_token = parking.tokens.put
        super().__init__(parking)

    def call_soon(
        self,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        """Do as asyncio's own outside debug mode, in half the time: each step of each task comes here."""
        if self._debug or self._closed:  # type: ignore[attr-defined]  # typeshed leaves it out
            return super().call_soon(callback, *args, context=context)
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)  # type: ignore[attr-defined]
        return handle

    def _write_to_self(self) -> None:
        self._put_token(None)
        if self.parking.polling:
            super()._write_to_self()  # type: ignore[misc]  # typeshed leaves it out

    wake = _write_to_self


def made_in_silence(loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> asyncio.AbstractEventLoop:
    """Make a loop without a line of asyncio's log: the caller may hold the lock of its handler."""
    thread = get_ident()

    def is_of_another_thread(_record: logging.LogRecord) -> bool:
        return get_ident() != thread

    logger.addFilter(is_of_another_thread)
    try:
        return loop_factory()
    finally:
        logger.removeFilter(is_of_another_thread)


class PatientQueue(deque[Any]):
    """A queue for one reader that keeps to its timeout, whatever signal handlers do meanwhile.

    Before CPython 3.13, ``SimpleQueue.get(timeout=)`` waits without limit once a signal handler has
    run longer than the rest of the timeout: what is left is negative then, and is taken for no limit.
    A lock's timeout does not have that defect.

    ``put`` appends first and frees the lock then; ``get`` takes the lock first and looks then. A lock
    that was freed for what has been taken already costs the reader one more look. It is a deque, and
    does not have one, because that saves 0.8 of the 1.5 microseconds that it costs more than the C class.
    """

    __slots__ = ("_asleep",)

    def __init__(self) -> None:
        self._asleep = asleep = allocate_lock()
        asleep.acquire()

    def put(self, item: object, /) -> None:
        """Add ``item``; from any thread, and may interrupt anything."""
        self.append(item)
        try:  # noqa: SIM105 - suppress() costs a microsecond a call
            self._asleep.release()
        except RuntimeError:
            pass  # somebody else has freed it for us, too

    def get(self, timeout: float = -1) -> Any:
        """Return the oldest item; blocks the thread until there is one.

        Args:
            timeout: seconds to wait at most; -1 is for ever.

        Raises:
            Empty: there was none in that time.
        """
        while not self:
            if not self._asleep.acquire(True, timeout) and not self:
                raise Empty
        return self.popleft()

    def empty(self) -> bool:
        """Whether there is none."""
        return not self


Inbox: Any = SimpleQueue if sys.version_info >= (3, 13) else PatientQueue
"""Where a waiting thread is told things. ``put`` may interrupt anything; one thread only ``get``s."""
