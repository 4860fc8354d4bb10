"""A deadline cancels once, and waits for the cleanup, whoever looks at the clock meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from agent_runtime.bridge import Bridge, iterate, run_sync

LONG = 0.8
"""Seconds of a cleanup: several looks of the waiting thread at the clock."""


class Work:
    """Waits far beyond any deadline, and cleans up at length."""

    def __init__(self) -> None:
        self.cancelled = 0
        self.cleaned_up = False

    async def wait(self) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await self._clean_up()

    async def items(self) -> AsyncIterator[int]:
        try:
            await asyncio.sleep(60)
            yield 1
        finally:
            await self._clean_up()

    async def _clean_up(self) -> None:
        try:
            await asyncio.sleep(LONG)
            self.cleaned_up = True
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


def test_cleanup_after_a_deadline_is_not_cancelled_again() -> None:
    work = Work()
    with pytest.raises(TimeoutError):
        run_sync(work.wait, timeout=0.1)
    assert (work.cleaned_up, work.cancelled) == (True, 0)


def test_cleanup_after_the_deadline_of_a_stream_is_not_cancelled_again() -> None:
    work = Work()
    with pytest.raises(TimeoutError):
        next(iter(iterate(work.items(), timeout=0.1)))
    assert (work.cleaned_up, work.cancelled) == (True, 0)


def test_deadline_that_a_blocked_loop_keeps_late_cancels_once() -> None:
    work = Work()

    async def blocking() -> None:
        time.sleep(LONG)  # noqa: ASYNC251 - nothing on this loop can be cancelled meanwhile
        await work.wait()

    with Bridge(name="late") as bridge, pytest.raises(TimeoutError):
        bridge.run_sync(blocking, timeout=0.1)
    assert (work.cleaned_up, work.cancelled) == (True, 0)


def test_deadline_of_a_call_whose_loop_waits_in_a_nested_call_cancels_once() -> None:
    work = Work()

    async def outer() -> None:
        run_sync(work.wait)

    with pytest.raises(TimeoutError):
        run_sync(outer, timeout=0.1)
    assert (work.cleaned_up, work.cancelled) == (True, 0)
