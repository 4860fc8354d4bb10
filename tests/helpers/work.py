"""Async work for tests of the bridge: it waits, gives, fails, and tells what became of it."""

from __future__ import annotations

import asyncio
import threading

__all__ = ("Work", "fail", "give")


class Work:
    """Work that says when it has begun, waits until it may go on, and cleans up with an await.

    Attributes:
        begun: set by its first step.
        cleaned_up: set when it has ended otherwise than by a result.
        cancellations: how often its wait was cut short.
    """

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.cleaned_up = threading.Event()
        self.cancellations = 0
        self._go_on = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __call__(self) -> str:
        """Wait, and return "done"."""
        self._loop = asyncio.get_running_loop()
        self.begun.set()
        try:
            await self._go_on.wait()
        except BaseException:
            self.cancellations += 1
            for _ in range(20):
                await asyncio.sleep(0.005)  # long enough for further cancellations to come
            self.cleaned_up.set()
            raise
        return "done"

    def go_on(self) -> None:
        """Let it return; from any thread, once it has begun."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._go_on.set)


async def give(value: object) -> object:
    """Return the value after a turn of the loop."""
    await asyncio.sleep(0)
    return value


async def fail(error: BaseException) -> None:
    """Raise the error after a turn of the loop."""
    await asyncio.sleep(0)
    raise error
