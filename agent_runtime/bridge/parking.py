"""An asyncio loop that sleeps on a lock, not on a descriptor, as long as there is none to watch."""

from __future__ import annotations

import asyncio
import selectors
from _queue import Empty, SimpleQueue
from collections.abc import Callable
from typing import Any

__all__ = ("ParkingLoop", "can_park")

can_park = hasattr(asyncio.SelectorEventLoop, "_write_to_self")
"""Whether asyncio still wakes its selector loop through the one method that is replaced here."""


class ParkingSelector(selectors.DefaultSelector):
    """A selector for a loop that other threads wake all the time, and sockets only now and then.

    To wake a thread out of ``epoll_wait`` takes three system calls and a socket; out of a lock, one
    futex. So while the loop watches nothing but its own self-pipe, ``select`` waits for a token in a
    queue, and as soon as there is a descriptor to watch, for descriptors.

    No wake-up is lost. Whoever wakes puts a token first and looks at ``polling`` then; the loop sets
    ``polling`` first and looks for a token then: of two who race, at least one sees the other. Tokens
    are taken only after the wait: whoever put one has queued its callback before, and the loop looks
    at its callbacks next.

    Attributes:
        polling: whether the loop sleeps, or is about to, where only the self-pipe can wake it.
        may_park: False to wait for descriptors alone, for a loop that the main thread drives: there
            a signal must end the wait, whenever it comes.
        on_wake: called on the loop's thread after each wait; must not raise.
    """

    def __init__(self) -> None:
        super().__init__()
        self.polling = False
        self.may_park = True
        self.on_wake: Callable[[], object] = bool
        self._tokens: SimpleQueue[None] = SimpleQueue()
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
        tokens = self._tokens
        events: list[tuple[selectors.SelectorKey, int]] = []
        if self._watched > 1 or not self.may_park:
            events = self._poll(timeout)
        elif timeout is None or timeout > 0:
            try:  # noqa: SIM105 - suppress() costs a microsecond a call
                tokens.get(timeout=timeout)
            except Empty:
                pass
        while not tokens.empty():
            tokens.get()
        self.on_wake()
        return events

    def put_token(self) -> None:
        """Have the next wait, or the one that goes on, end at once; from any thread, reentrant."""
        self._tokens.put(None)

    def _poll(self, timeout: float | None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout <= 0:
            return super().select(timeout)
        self.polling = True
        try:
            return super().select(timeout if self._tokens.empty() else 0)
        finally:
            self.polling = False


class ParkingLoop(asyncio.SelectorEventLoop):
    """asyncio's standard loop for Unix with a :class:`ParkingSelector`, its ``parking``.

    Is given the selector, because a loop that fails while it makes one complains when it is collected.
    """

    def __init__(self, parking: ParkingSelector) -> None:
        self.parking = parking
        super().__init__(parking)

    def _write_to_self(self) -> None:
        self.parking.put_token()
        if self.parking.polling:
            super()._write_to_self()  # type: ignore[misc]  # typeshed leaves it out

    wake = _write_to_self
