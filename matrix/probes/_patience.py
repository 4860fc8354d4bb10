"""A wait with an end, so that a deaf bridge shows as a failure and not as a hang."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator

__all__ = ("Patience", "giving_up", "patiently")

_TICK = 0.05
_TICKS = 20
"""One second, while a bridge needs milliseconds. Counted, not timed: when a busy machine stops the whole
process for a while, that is one tick, and the bridge has lost nothing."""


async def patiently() -> None:
    """Wait for nothing; return when the patience has ended."""
    for _ in range(_TICKS):
        await asyncio.sleep(_TICK)


class Patience:
    """What became of a block that somebody waits for: whether it had to be ended."""

    def __init__(self) -> None:
        self.ended = False


@contextlib.contextmanager
def giving_up(begun: threading.Event, give_up: Callable[[], object]) -> Iterator[Patience]:
    """Call ``give_up`` in another thread if the block lasts for too long after ``begun``."""
    patience, over = Patience(), threading.Event()

    def watch() -> None:
        begun.wait()
        for _ in range(_TICKS):
            if over.wait(_TICK):
                return
        patience.ended = True
        give_up()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield patience
    finally:
        over.set()
        begun.set()
        watcher.join()
