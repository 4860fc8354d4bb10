"""What people write with the standard library alone; and the unit, the raw hand-off between threads."""

from __future__ import annotations

import asyncio
import threading
from _thread import allocate_lock, start_new_thread
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from benchmarks.model import AsyncFn, Candidate, Kind, SyncFn, Where

__all__ = ("CANDIDATES", "FLOOR")


@contextmanager
def _handoff(_async_fn: AsyncFn) -> Iterator[SyncFn]:
    """Wake a thread through one lock and be woken through another: no call can be cheaper."""
    asked, answered = allocate_lock(), allocate_lock()
    asked.acquire()
    answered.acquire()

    def answer() -> None:
        while True:
            asked.acquire()
            answered.release()

    def call() -> None:
        asked.release()
        answered.acquire()

    start_new_thread(answer, ())
    yield call


@contextmanager
def _step_by_hand(async_fn: AsyncFn) -> Iterator[SyncFn]:
    """Run a coroutine that blocks and never suspends: what so many threads cost whatever they do."""

    def call() -> object:
        try:
            async_fn().send(None)
        except StopIteration as stop:
            return stop.value
        raise RuntimeError("the coroutine suspended, and no loop is here")

    yield call


@contextmanager
def _asyncio_run(async_fn: AsyncFn) -> Iterator[SyncFn]:
    yield lambda: asyncio.run(async_fn())


@contextmanager
def _new_thread(async_fn: AsyncFn) -> Iterator[SyncFn]:
    def call() -> object:
        results: list[object] = []
        thread = threading.Thread(target=lambda: results.append(asyncio.run(async_fn())))
        thread.start()
        thread.join()
        if not results:
            raise RuntimeError("the call failed in its thread")
        return results[0]

    yield call


@contextmanager
def _pool_thread(async_fn: AsyncFn) -> Iterator[SyncFn]:
    with ThreadPoolExecutor() as pool:
        yield lambda: pool.submit(lambda: asyncio.run(async_fn())).result()


@contextmanager
def _loop_thread(async_fn: AsyncFn) -> Iterator[SyncFn]:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    yield lambda: asyncio.run_coroutine_threadsafe(async_fn(), loop).result()


@contextmanager
def _uvloop_wake(_async_fn: AsyncFn) -> Iterator[SyncFn]:
    """Have a uvloop loop on another thread free a lock: no call that uvloop serves can be cheaper."""
    import uvloop

    loop, answered = uvloop.new_event_loop(), allocate_lock()
    answered.acquire()

    def call() -> None:
        loop.call_soon_threadsafe(answered.release)
        answered.acquire()

    start_new_thread(loop.run_forever, ())
    yield call


@contextmanager
def _uvloop_thread(async_fn: AsyncFn) -> Iterator[SyncFn]:
    import uvloop

    loop = uvloop.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    yield lambda: asyncio.run_coroutine_threadsafe(async_fn(), loop).result()


CANDIDATES = (
    Candidate("handoff", "raw hand-off between two threads", Kind.UNIT, Where.SCRIPT, _handoff),
    Candidate(
        "uvloop_wake", "waking a uvloop loop, no call", Kind.FLOOR, Where.LOOP, _uvloop_wake, "uvloop"
    ),
    Candidate("asyncio_run", "asyncio.run", Kind.YARDSTICK, Where.SCRIPT, _asyncio_run, crowd="asyncio.run"),
    Candidate(
        "new_thread", "new thread + asyncio.run a call", Kind.YARDSTICK, Where.LOOP, _new_thread,
        crowd="new thread + asyncio.run",
    ),
    Candidate(
        "pool_thread", "pool thread + asyncio.run", Kind.YARDSTICK, Where.LOOP, _pool_thread,
        crowd="pool thread + asyncio.run",
    ),
    Candidate(
        "loop_thread", "run_coroutine_threadsafe().result()", Kind.YARDSTICK, Where.LOOP, _loop_thread,
        crowd="run_coroutine_threadsafe",
    ),
    Candidate(
        "loop_thread_uvloop", "run_coroutine_threadsafe().result(), uvloop", Kind.YARDSTICK, Where.LOOP,
        _uvloop_thread, "uvloop",
    ),
)  # fmt: skip

_SLEEP = "time.sleep, no async code"
FLOOR = Candidate("sleep", _SLEEP, Kind.UNIT, Where.SCRIPT, _step_by_hand, crowd=_SLEEP)
"""For crowds only."""
