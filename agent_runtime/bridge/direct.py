"""The other way to carry a call out: everything on the calling thread, in a loop of the call's own."""

from __future__ import annotations

import asyncio
import contextlib
from _queue import SimpleQueue
from collections.abc import Callable
from typing import Any

from agent_runtime.bridge.call import Call
from agent_runtime.bridge.hiding import call_hidden
from agent_runtime.bridge.interrupts import InterruptGuard, Interruption
from agent_runtime.bridge.parking import finish_loop, plain_loop
from agent_runtime.bridge.service import Errand
from agent_runtime.bridge.waiting import SLICE

__all__ = ("CallingThread", "run_directly")


def run_directly(
    call: Call[Any], guard: InterruptGuard | None, parked_loop: asyncio.AbstractEventLoop | None
) -> BaseException | None:
    """Run the call on this thread, where no loop may be running; return what a signal handler raised.

    Blocks this thread until the work has ended. A new loop is closed afterwards, and what is left on
    it is cancelled: objects made on it do not live longer than the call.

    Args:
        call: what to carry out.
        guard: the owner of SIGINT, in the main thread.
        parked_loop: a loop to use that nobody drives and that stays open, or None for a new one.

    Raises:
        OSError: the loop could not get its descriptors.
    """
    carrier = CallingThread(call, parked_loop)
    try:
        return carrier.run(guard)[1]
    finally:
        carrier.close()


class CallingThread:
    """A loop on the calling thread that takes the place of a portal and of the caller's inbox.

    Args:
        call: what to carry out; it is told to put its news here.
        parked_loop: a loop to use that nobody drives and that stays open, or None for a new one.

    Raises:
        OSError: the loop could not get its descriptors.
    """

    def __init__(self, call: Call[Any], parked_loop: asyncio.AbstractEventLoop | None) -> None:
        self._loop = plain_loop() if parked_loop is None else parked_loop
        self._keeps_loop = parked_loop is not None
        self._call = call
        self._guard: InterruptGuard | None = None
        self._task: asyncio.Task[None] | None = None
        self._news: object = None
        self._interruption: BaseException | None = None
        self._abandoned = False
        self._timer: asyncio.TimerHandle | None = None
        self._unheard: SimpleQueue[Interruption] = SimpleQueue()
        told, call.inbox = call.inbox, self
        while not told.empty():
            self.put(told.get())

    def run(
        self, guard: InterruptGuard | None, interruption: BaseException | None = None
    ) -> tuple[object, BaseException | None]:
        """Drive the loop until the call ends or hands something out; return that, and an interruption.

        A first exception of a signal handler cancels the work, a second one gives it up; ``interruption`` is
        the first, if there has been one.
        """
        self._forget(guard, interruption)
        if self._task is None:
            self._task = self._loop.create_task(self._call.drive(self), context=self._call.context)
        if guard is not None:
            self._look_around()
        while self._call.outcome is None and self._news is None and not self._abandoned:
            try:
                # Clients ask sniffio where they are, and would await what only the host's trio understands.
                call_hidden(self._guard, self._loop.run_forever)
            except BaseException as error:  # noqa: BLE001 - a signal handler's, or a stray task's
                self._interrupt(error.with_traceback(None))
        if self._timer is not None:
            self._timer.cancel()
        return self._news, self._interruption

    def _look_around(self) -> None:
        """Have the main thread run some Python every now and then: handlers run between its instructions.

        A signal that comes microseconds before the loop begins to wait does not end that wait.
        """
        self._timer = self._loop.call_later(SLICE, self._look_around)

    def _forget(self, guard: InterruptGuard | None, interruption: BaseException | None) -> None:
        """Forget what the last run came to; the next one has a guard of its own."""
        self._guard, self._news = guard, None
        self._interruption, self._abandoned = interruption, False

    def close(self) -> None:
        """Cancel what is left on the loop, and close it if it is the call's own."""
        # What is unheard is the caller's from here on: the loop would hear it, and nobody would ask.
        self._call.inbox, self._unheard = self._unheard, SimpleQueue()
        with contextlib.suppress(Exception):
            finish_loop(self._loop)
        if not self._keeps_loop:
            self._loop.close()

    def call_soon(self, callback: Callable[..., object], *args: object) -> None:
        """Have a callback called by the next run."""
        self._loop.call_soon(callback, *args)

    def end(self, _call: Call[Any], /) -> None:
        """Stop the loop: the outcome is there."""
        self._loop.stop()

    def put(self, news: object, /) -> None:
        """Take what would go to the caller's inbox; from any thread, also from a signal handler."""
        if isinstance(news, Errand):
            self._loop.call_soon_threadsafe(news.perform, self._guard)
        elif isinstance(news, Interruption):
            self._unheard.put(news)  # if the loop stops before it hears of it, the caller finds it there
            self._loop.call_soon_threadsafe(self._hear)
        else:
            self._news = news
            self._loop.stop()

    def get(self) -> object:
        """Return news that nobody has heard yet."""
        return self._unheard.get()

    def empty(self) -> bool:
        """Whether there is no such news."""
        return self._unheard.empty()

    def _hear(self) -> None:
        while not self._unheard.empty():
            self._interrupt(self._unheard.get().exception)

    def _interrupt(self, exception: BaseException) -> None:
        self._abandoned = self._interruption is not None
        self._interruption = exception
        if self._abandoned:
            self._loop.stop()
        else:
            self._call.request_cancel()
            self._call.deliver_cancel()
