"""Signal handlers that take longer than the slice of a wait: CPython before 3.13 would then wait for ever."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterator

import pytest

from agent_runtime.bridge import Bridge, run_sync
from agent_runtime.errors import BlockedLoopWarning, StalledCallWarning

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")

LONG = 0.5
"""Seconds that the handler takes: several of the slices in which the main thread waits."""
LIMIT = 20.0


@contextlib.contextmanager
def interrupted_for_long(after: float = 0.05) -> Iterator[list[float]]:
    """Have one signal come whose handler takes LONG; yields when it ended."""
    ended: list[float] = []

    def handler(signum: int, frame: object) -> None:
        time.sleep(LONG)
        ended.append(time.monotonic())

    previous = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, after)
    try:
        yield ended
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


class Blocker:
    """Blocks the loop of a bridge until it is let go."""

    def __init__(self) -> None:
        self.may_end = threading.Event()

    async def block(self) -> None:
        self.may_end.wait(LIMIT)


def test_stall_is_reported_although_a_signal_handler_took_long() -> None:
    blocker = Blocker()

    def let_end(*_warning: object) -> None:
        reported.append(time.monotonic())
        blocker.may_end.set()

    async def host() -> None:
        with Bridge(name="stalled") as bridge, interrupted_for_long():
            began.append(time.monotonic())
            bridge.run_sync(blocker.block, stall_timeout=1.0)

    reported: list[float] = []
    began: list[float] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BlockedLoopWarning)
        warnings.simplefilter("always", StalledCallWarning)
        warnings.showwarning = let_end  # type: ignore[assignment]
        asyncio.run(host())

    assert reported
    assert reported[0] - began[0] < LIMIT / 2


def test_deadline_of_a_blocked_loop_is_kept_although_a_signal_handler_took_long() -> None:
    blocker = Blocker()
    with Bridge(name="late") as bridge, interrupted_for_long() as ended:
        try:
            with pytest.raises(TimeoutError):
                bridge.run_sync(blocker.block, timeout=0.8)
        finally:
            blocker.may_end.set()
    assert ended


def test_result_comes_although_a_signal_handler_took_long() -> None:
    async def work() -> str:
        await asyncio.sleep(2 * LONG)
        return "done"

    with interrupted_for_long() as ended:
        assert run_sync(work) == "done"
    assert ended
