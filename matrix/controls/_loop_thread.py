"""A loop thread for all calls, plainly made: the better half of the field, to put one mistake on."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

__all__ = ("LoopThread", "Pending")

Outputs = Mapping[str, object]


class Pending:
    """One call in progress on a loop thread; outcomes pass through no future that would touch them."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.done = threading.Event()
        self._loop = loop
        self._task: asyncio.Task[None] | None = None
        self._results: list[Outputs] = []
        self._errors: list[BaseException] = []

    def start(self, work: Coroutine[Any, Any, Outputs], context: contextvars.Context) -> None:
        """Run ``work`` as a task; on the loop thread."""
        self._task = self._loop.create_task(self._capture(work), context=context)

    def cancel(self) -> None:
        """Ask the work to end; from any thread."""
        if self._task is not None:
            self._loop.call_soon_threadsafe(self._task.cancel)

    def take(self) -> Outputs:
        """Return what the work returned or raise what it raised, with nothing hung on it."""
        if not self._errors:
            return self._results.pop()
        error = self._errors.pop()
        handled = error.__context__
        try:
            raise error
        finally:
            error.__context__ = handled  # whatever the caller is handling is none of the work's business
            del error, handled

    async def _capture(self, work: Coroutine[Any, Any, Outputs]) -> None:
        try:
            self._results.append(await work)
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            self._errors.append(error)
        finally:
            self.done.set()


class LoopThread:
    """A daemon thread with one loop, made by the first call."""

    def __init__(
        self, loop_factory: Callable[[], asyncio.AbstractEventLoop] = asyncio.SelectorEventLoop
    ) -> None:
        self._loop_factory = loop_factory
        self._lock = threading.Lock()  # guards _loop: the first two callers must not make two
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop, running."""
        with self._lock:
            if self._loop is None:
                self._loop = self._loop_factory()
                threading.Thread(target=self._loop.run_forever, name="controls", daemon=True).start()
            return self._loop

    def submit(
        self, work: Coroutine[Any, Any, Outputs], context: contextvars.Context | None = None
    ) -> Pending:
        """Begin ``work`` in a copy of the caller's context variables, or in ``context``."""
        loop = self.loop
        pending = Pending(loop)
        loop.call_soon_threadsafe(pending.start, work, context or contextvars.copy_context())
        return pending

    def run(self, work: Coroutine[Any, Any, Outputs]) -> Outputs:
        """Do ``work`` on the loop thread and block until it has ended."""
        pending = self.submit(work)
        pending.done.wait()
        return pending.take()
