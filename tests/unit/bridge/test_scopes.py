"""A call in a worker thread of AnyIO or trio ends when the scope of that thread is cancelled."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import threading
import time
from collections.abc import AsyncIterator, Callable

import pytest

from agent_runtime.bridge import enter, iterate, run_sync

anyio = pytest.importorskip("anyio")
trio = pytest.importorskip("trio")
pytest.importorskip("anyio.to_thread")
LIMIT = 20.0


class Work:
    """Async work without end, whose cleanup takes a moment; and what the thread that calls sees."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.cleaned_up = False
        self.raised: BaseException | None = None
        self.cancelled_at = self.ended_at = 0.0
        self.ended = threading.Event()

    async def go_on(self) -> None:
        self.begun.set()
        try:
            await asyncio.sleep(LIMIT)
        finally:
            await asyncio.sleep(0)
            self.cleaned_up = True

    async def stream(self) -> AsyncIterator[int]:
        yield 1
        await self.go_on()

    @contextlib.asynccontextmanager
    async def manager(self) -> AsyncIterator[None]:
        await self.go_on()
        yield

    def call(self) -> None:
        run_sync(self.go_on)

    def read(self) -> None:
        for _ in iterate(self.stream()):
            pass

    def enter(self) -> None:
        with enter(self.manager()):
            pass

    def in_thread(self, way: Callable[[Work], None]) -> None:
        """Be what a worker thread does."""
        try:
            way(self)
        except BaseException as error:
            self.raised = error
            raise
        finally:
            self.ended_at = time.monotonic()
            self.ended.set()


async def cancelled_by_anyio(work: Work, way: Callable[[Work], None]) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.to_thread.run_sync, work.in_thread, way)
        while not work.begun.is_set():
            await anyio.sleep(0.01)
        work.cancelled_at = time.monotonic()
        group.cancel_scope.cancel()


async def cancelled_by_trio(work: Work, way: Callable[[Work], None]) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.to_thread.run_sync, work.in_thread, way)
        while not work.begun.is_set():
            await trio.sleep(0.01)
        work.cancelled_at = time.monotonic()
        nursery.cancel_scope.cancel()


def under_anyio(work: Work, way: Callable[[Work], None]) -> None:
    anyio.run(cancelled_by_anyio, work, way)


def under_anyio_on_trio(work: Work, way: Callable[[Work], None]) -> None:
    anyio.run(cancelled_by_anyio, work, way, backend="trio")


def under_trio(work: Work, way: Callable[[Work], None]) -> None:
    trio.run(cancelled_by_trio, work, way)


CANCELLATION = (asyncio.CancelledError, trio.Cancelled)


@pytest.mark.parametrize("way", [Work.call, Work.read, Work.enter])
@pytest.mark.parametrize("host", [under_anyio, under_anyio_on_trio, under_trio])
def test_cancelling_the_scope_cancels_the_work_and_waits_for_its_cleanup(
    host: Callable[..., None], way: Callable[[Work], None]
) -> None:
    work = Work()

    host(work, way)

    assert work.cleaned_up
    assert isinstance(work.raised, CANCELLATION)
    assert work.ended_at - work.cancelled_at < LIMIT / 4  # 0.1 s on an idle machine


@pytest.mark.parametrize("way", [Work.call, Work.read, Work.enter])
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_thread_that_its_cancelled_scope_leaves_behind_ends_its_work_too(
    backend: str, way: Callable[[Work], None]
) -> None:
    work = Work()

    async def host() -> None:
        async with anyio.create_task_group() as group:
            run = functools.partial(anyio.to_thread.run_sync, abandon_on_cancel=True)
            group.start_soon(run, work.in_thread, way)
            while not work.begun.is_set():
                await anyio.sleep(0.01)
            group.cancel_scope.cancel()

    anyio.run(host, backend=backend)

    assert work.ended.wait(LIMIT / 2)  # the loop that it came from is closed by now
    assert work.cleaned_up
    assert isinstance(work.raised, CANCELLATION)


def test_a_scope_that_is_shielded_is_no_reason_to_end() -> None:
    work = Work()

    async def shielded() -> None:
        async with anyio.create_task_group() as group:
            group.cancel_scope.cancel()
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(lambda: run_sync(asyncio.sleep, 0.3))
                work.cleaned_up = True

    anyio.run(shielded)

    assert work.cleaned_up


def test_a_thread_of_asyncio_is_not_told_and_the_call_goes_on_to_its_end() -> None:
    """As any other code does there: ``asyncio.to_thread()`` hands no cancellation down."""
    ended = threading.Event()
    begun = threading.Event()

    async def work() -> None:
        begun.set()
        await asyncio.sleep(0.3)
        ended.set()

    async def main() -> None:
        task = asyncio.create_task(asyncio.to_thread(run_sync, work))
        await asyncio.to_thread(begun.wait, LIMIT)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(main())

    assert ended.wait(LIMIT)
