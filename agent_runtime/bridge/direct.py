"""The other way to carry a call out: everything on the calling thread, in a loop of the call's own."""

from __future__ import annotations

import asyncio
import contextlib
from _queue import SimpleQueue
from typing import Any

from agent_runtime.bridge.call import Call
from agent_runtime.bridge.interrupts import InterruptGuard, Interruption
from agent_runtime.bridge.portal import default_loop_factory, finish_loop
from agent_runtime.bridge.service import Errand

__all__ = ("run_directly",)


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
    loop = default_loop_factory() if parked_loop is None else parked_loop
    try:
        carrier = _CallingThread(loop, call, guard)
        told, call.inbox = call.inbox, carrier
        while not told.empty():
            carrier.put(told.get())
        interruption = carrier.run()
        call.inbox = carrier.left
        return interruption
    finally:
        with contextlib.suppress(Exception):
            finish_loop(loop)
        if parked_loop is None:
            loop.close()


class _CallingThread:
    """A loop on the calling thread that takes the place of a portal and of the caller's inbox."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, call: Call[Any], guard: InterruptGuard | None
    ) -> None:
        self.left: SimpleQueue[object] = SimpleQueue()
        self._loop = loop
        self._call = call
        self._guard = guard
        self._interruption: BaseException | None = None
        self._abandoned = False

    def run(self) -> BaseException | None:
        """Drive the loop until the call has ended, or a second interruption gives it up."""
        task = self._loop.create_task(self._call.drive(self), context=self._call.context)
        self._call.begun(task, self._loop)
        while self._call.outcome is None and not self._abandoned:
            try:
                self._loop.run_forever()
            except BaseException as error:  # noqa: BLE001 - a signal handler's, or a stray task's
                self._interrupt(error.with_traceback(None))
        return self._interruption

    def end(self, _call: Call[Any], /) -> None:
        """Stop the loop: the outcome is there."""
        self._loop.stop()

    def put(self, news: object, /) -> None:
        """Take what would go to the caller's inbox; from any thread, also from a signal handler."""
        if isinstance(news, Errand):
            self._loop.call_soon_threadsafe(news.perform, self._guard)
        elif isinstance(news, Interruption):
            self._loop.call_soon_threadsafe(self._interrupt, news.exception)

    def _interrupt(self, exception: BaseException) -> None:
        self._abandoned = self._interruption is not None
        self._interruption = exception
        if self._abandoned:
            self._loop.stop()
        else:
            self._call.request_cancel()
            self._call.deliver_cancel()
