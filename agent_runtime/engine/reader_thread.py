"""Plain functions on the thread of a stream's reader: one at a time, and when all events have been read."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from agent_runtime.engine.steps import Offload
from agent_runtime.outcomes import Outcome

__all__ = ("Turns",)

T = TypeVar("T")


class Turns:
    """An Offload whose functions run on the reader's own thread, which has to read as well.

    A function that began at once would keep the thread from events that are there already, the start of
    its own step among them.

    Args:
        offload: where the functions run.
        is_waiting: whether the reader has read everything, and waits for more.
    """

    def __init__(self, offload: Offload, is_waiting: Callable[[], bool]) -> None:
        self.on_worker = offload.on_worker
        self._offload = offload
        self._is_waiting = is_waiting
        self._loop = asyncio.get_running_loop()
        self._queue: deque[asyncio.Future[None]] = deque()
        self._taken = False

    async def on_caller(self, fn: Callable[[], T]) -> Outcome[T]:
        """Run ``fn()`` on the reader's thread, when its turn has come."""
        turn: asyncio.Future[None] = self._loop.create_future()
        self._queue.append(turn)
        self.look()
        try:
            await turn
            return await self._offload.on_caller(fn)
        finally:
            if turn.done() and not turn.cancelled():
                self._taken = False
                self.look()

    def look(self) -> None:
        """Give the next one its turn, if the reader still waits in a moment.

        Two rounds of the loop are that moment: a step whose function has returned is a task that ends
        in this one, and tells its end in the next.
        """
        if self._queue:
            self._loop.call_soon(self._loop.call_soon, self._give_turn)

    def close(self) -> None:
        """Give no more turns; nothing here leads back to the run, which holds this."""
        self._is_waiting = _never

    def _give_turn(self) -> None:
        while self._queue and not self._taken and self._is_waiting():
            turn = self._queue.popleft()
            if not turn.done():
                self._taken = True
                turn.set_result(None)


def _never() -> bool:
    return False
