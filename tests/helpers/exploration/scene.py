"""What one experiment has: a bridge of its own, async functions to call, and a diary of what happened."""

from __future__ import annotations

import _thread
import asyncio
import contextlib
import os
import sys
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from agent_runtime.bridge import Bridge, call_in_caller
from agent_runtime.errors import BridgeClosedError, NoThreadError
from tests.helpers.exploration.tripwire import Tripwire

__all__ = ("Injected", "Scene", "elsewhere")


class Injected(Exception):
    """What the application's signal handler raises."""


class Scene:
    """The stage of one experiment.

    Attributes:
        bridge: what is tested.
        begun: how many pieces of work have begun.
        cleaned_up: how many of them have run their cleanup.
        reports: what the disturbance saw: "ok", or what went wrong.
        pending: waits, with a limit, for what a disturbance has left running.
        closes: whether somebody closes the bridge.
        ends: whether the process ends: then calls inside calls are refused, for no thread can start.
        left: tasks that nobody else keeps.
    """

    def __init__(self) -> None:
        self.bridge = Bridge(name="explored")
        self.begun = 0
        self.cleaned_up = 0
        self.reports: list[str] = []
        self.pending: list[Callable[[], bool]] = []
        self.closes = False
        self.ends = False
        self.left: list[asyncio.Task[None]] = []
        self.tripwire: Tripwire | None = None

    @contextlib.contextmanager
    def explored(self) -> Iterator[None]:
        """Count the opcodes of this block."""
        assert self.tripwire is not None
        self.tripwire.arm()
        try:
            yield
        finally:
            self.tripwire.disarm()

    def call(self, number: int) -> int:
        """Make a plain sync call; return ``number``."""
        return self.bridge.run_sync(self.work, number)

    async def work(self, number: int) -> int:
        """Wait a little, use the calling thread, clean up."""
        self.begun += 1
        try:
            await asyncio.sleep(0)
            return await call_in_caller(lambda: number)
        finally:
            await self.clean_up()

    async def clean_up(self) -> None:
        """Take a moment for it; a cancellation that comes only now does not keep it from its end."""
        try:
            await asyncio.sleep(0)
        finally:
            self.cleaned_up += 1

    async def nested(self, number: int) -> int:
        """Make a sync call on the loop thread, and one on the calling thread."""
        self.begun += 1
        try:
            inner = self.bridge.run_sync(self.work, number, on_running_loop="allow")
            return inner + await call_in_caller(self.call, 0)
        finally:
            await self.clean_up()

    async def forever(self) -> None:
        """Wait until cancelled."""
        self.begun += 1
        try:
            await asyncio.Event().wait()
        finally:
            await self.clean_up()

    async def items(self, count: int) -> AsyncIterator[int]:
        """Produce some items."""
        self.begun += 1
        try:
            for number in range(count):
                await asyncio.sleep(0)
                yield number
        finally:
            await self.clean_up()

    @contextlib.asynccontextmanager
    async def manager(self, number: int) -> AsyncIterator[int]:
        """Be entered and left."""
        self.begun += 1
        try:
            await asyncio.sleep(0)
            yield number
        finally:
            await self.clean_up()

    async def leave_behind(self) -> None:
        """Leave a task on the loop."""
        self.left.append(asyncio.create_task(self.forever()))
        await asyncio.sleep(0)

    async def count_tasks(self) -> int:
        """Return how many other tasks the loop has."""
        return len(asyncio.all_tasks()) - 1

    def note(self, visit: Callable[[], Any], wanted: object) -> None:
        """Do something as part of a disturbance, and note whether it came out as it should."""
        try:
            got = visit()
        except BridgeClosedError as error:
            self.reports.append("ok" if self.closes else repr(error))
        except NoThreadError as error:
            self.reports.append("ok" if self.ends else repr(error))
        except BaseException as error:
            self.reports.append(repr(error))
        else:
            self.reports.append("ok" if got == wanted else f"{got!r} instead of {wanted!r}")

    def forked(self) -> int:
        """Fork, call in the child, and return its exit code."""
        pid = os.fork()
        if pid == 0:
            code = 3
            try:
                code = 0 if self.call(9) == 9 else 2
            except BridgeClosedError:
                code = 0 if self.closes else 4
            except BaseException:
                traceback.print_exc()
            os._exit(code)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def elsewhere(work: Callable[[], object], *, limit: float) -> Callable[[], bool]:
    """Do something in another thread, and let it go on for ``limit`` seconds at most before returning.

    Returns:
        A function that waits ten seconds for its end, and says whether it came.
    """
    ended = _thread.allocate_lock()
    ended.acquire()

    def main() -> None:
        sys.settrace(None)
        try:
            work()
        finally:
            ended.release()

    # Not through threading: the thread that stops here may hold the lock of its registry.
    _thread.start_new_thread(main, ())
    if ended.acquire(timeout=limit):
        ended.release()

    def wait() -> bool:
        return ended.acquire(timeout=10)

    return wait
