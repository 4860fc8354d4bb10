"""Errands: functions that async code sends to the calling thread, to a worker thread, to a lane."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref

import pytest

from agent_runtime.bridge import WorkerLane, call_in_caller, call_in_worker, run_sync
from agent_runtime.errors import CallAbandonedError, NoCallerError
from tests.helpers.children import run_child
from tests.helpers.freeing import let_owners_free


async def add(left: int, right: int) -> int:
    await asyncio.sleep(0)
    return left + right


def test_call_in_caller_runs_on_the_calling_thread_without_a_running_loop() -> None:
    def look() -> tuple[int, asyncio.AbstractEventLoop | None, int]:
        return threading.get_ident(), asyncio._get_running_loop(), asyncio.run(add(1, 2))

    async def work() -> tuple[int, asyncio.AbstractEventLoop | None, int]:
        return await call_in_caller(look)

    async def main() -> tuple[object, object, asyncio.Task[object] | None]:
        here = asyncio.current_task()
        seen = run_sync(work)
        assert asyncio.current_task() is here
        assert asyncio.get_running_loop() is not None
        return seen, threading.get_ident(), here

    seen, ident, _ = asyncio.run(main())

    assert seen == (ident, None, 3)
    assert run_sync(work) == (threading.get_ident(), None, 3)


def test_call_in_caller_from_a_nested_call_runs_on_the_thread_that_made_the_nested_call() -> None:
    async def inner() -> int:
        return await call_in_caller(threading.get_ident)

    async def outer() -> tuple[int, int]:
        return run_sync(inner), threading.get_ident()

    inside, loop_thread = run_sync(outer)

    assert inside == loop_thread


def test_code_that_a_worker_thread_waits_for_can_call_although_a_loop_thread_waits_for_that_worker() -> None:
    child = run_child(
        """
        from agent_runtime.bridge import Bridge, call_in_caller, call_in_worker, run_sync

        async def last(): return "done"
        async def send_errand(): return await call_in_caller(run_sync, last)
        async def send_worker(): return await call_in_worker(run_sync, send_errand)
        async def block_loop(): return run_sync(send_worker)

        other = Bridge()
        async def call_from_other(): return run_sync(last)
        async def send_worker_to_other(): return await call_in_worker(other.run_sync, call_from_other)
        async def block_loop_for_other(): return run_sync(send_worker_to_other)

        print(run_sync(block_loop))
        print(run_sync(block_loop_for_other))
        print(run_sync(lambda: call_in_caller(run_sync, block_loop)))
        """
    )

    assert child.check().lines == ["done", "done", "done"]


def test_call_in_caller_outside_a_sync_call_says_so() -> None:
    async def main() -> None:
        await call_in_caller(threading.get_ident)

    with pytest.raises(NoCallerError, match="WorkerLane"):
        asyncio.run(main())


def test_call_in_caller_after_the_call_has_ended_says_so_instead_of_hanging() -> None:
    found: list[BaseException] = []

    async def late(go: asyncio.Event) -> None:
        await go.wait()
        try:
            await call_in_caller(threading.get_ident)
        except CallAbandonedError as error:
            found.append(error)

    async def leave() -> tuple[asyncio.Task[None], asyncio.Event]:
        go = asyncio.Event()
        return asyncio.create_task(late(go)), go

    task, go = run_sync(leave)

    async def finish() -> None:
        go.set()
        await task

    run_sync(finish, timeout=10)
    assert len(found) == 1


@pytest.mark.parametrize("where", ["caller", "worker", "lane"])
def test_an_errands_exception_keeps_its_identity(where: str) -> None:
    error = asyncio.CancelledError("mine")

    def fail() -> None:
        raise error

    async def work() -> BaseException | None:
        try:
            if where == "caller":
                await call_in_caller(fail)
            elif where == "worker":
                await call_in_worker(fail)
            else:
                async with WorkerLane() as lane:
                    await lane.call(fail)
        except BaseException as caught:
            return caught
        return None

    assert run_sync(work) is error


def test_a_lane_keeps_one_thread_and_ends_it() -> None:
    async def work() -> set[int]:
        async with WorkerLane() as lane:
            return {await lane.call(threading.get_ident) for _ in range(5)}

    before = threading.active_count()
    threads = asyncio.run(work())

    assert len(threads) == 1
    assert threads != {threading.get_ident()}
    deadline = time.monotonic() + 5
    while threading.active_count() > before:
        assert time.monotonic() < deadline
        time.sleep(0.001)


@pytest.mark.parametrize("in_caller", [True, False], ids=["caller", "worker"])
def test_a_failed_errand_leaves_no_reference_cycle(in_caller: bool) -> None:
    class Payload:
        pass

    def fail() -> None:
        payload = Payload()
        weakref.finalize(payload, freed.set)
        raise ValueError("the traceback holds this frame, and the frame holds the payload")

    async def work() -> None:
        await (call_in_caller if in_caller else call_in_worker)(fail)

    freed = threading.Event()
    gc.collect()
    gc.disable()
    try:
        with pytest.raises(ValueError, match="holds this frame"):
            run_sync(work)
        let_owners_free(freed.is_set)
        was_freed = freed.wait(5)
    finally:
        gc.enable()

    assert was_freed
