"""run_async() in a task that is cancelled: the work is cancelled once, and its cleanup awaited."""

from __future__ import annotations

import asyncio
import threading

import anyio
import pytest

from agent_runtime.bridge import run_async, run_sync, submit
from tests.helpers.work import Work, give


async def settle() -> None:
    """Let every other task of this loop have some turns."""
    for _ in range(5):
        await anyio.sleep(0.001)


def test_cancelling_the_task_cancels_the_work_once_and_waits_for_its_cleanup() -> None:
    async def main(work: Work) -> None:
        task = asyncio.create_task(run_async(work))
        await asyncio.to_thread(work.begun.wait, 10)
        task.cancel("first")
        await settle()
        task.cancel("second")
        await settle()
        task.cancel("third")
        with pytest.raises(asyncio.CancelledError, match="first"):
            await task
        assert (work.cleaned_up.is_set(), work.cancellations) == (True, 1)

    asyncio.run(main(Work()))


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("way", ["scope", "deadline", "group"])
def test_a_scope_that_cancels_again_and_again_cancels_the_work_once(backend: str, way: str) -> None:
    async def main(work: Work) -> None:
        with anyio.CancelScope() as scope:
            if way == "deadline":
                scope.deadline = anyio.current_time() + 0.05
                await run_async(work)
            async with anyio.create_task_group() as group:
                group.start_soon(run_async, work)
                await anyio.to_thread.run_sync(work.begun.wait, 10)
                (scope if way == "scope" else group.cancel_scope).cancel()
        assert (work.cleaned_up.is_set(), work.cancellations) == (True, 1)

    anyio.run(main, Work(), backend=backend)


def test_waiting_for_a_cleanup_under_anyio_does_not_spin() -> None:
    cancellations: list[object] = []

    class Counting(asyncio.Task[None]):
        def cancel(self, msg: object = None) -> bool:
            cancellations.append(msg)
            return super().cancel(msg)

    async def cancelled(work: Work) -> None:
        with anyio.CancelScope() as scope:
            asyncio.get_running_loop().call_later(0.02, scope.cancel)
            await run_async(work)

    async def main(work: Work) -> None:
        await Counting(cancelled(work))
        assert work.cleaned_up.is_set()

    asyncio.run(main(Work()))

    assert 1 <= len(cancellations) <= 3  # AnyIO cancels at each turn of the loop, until somebody listens


def test_work_that_has_not_begun_is_called_off_without_waiting() -> None:
    begun: list[str] = []
    free = threading.Event()

    async def block() -> None:
        free.wait(10)

    async def work() -> None:
        begun.append("work")

    async def main() -> None:
        task = asyncio.create_task(run_async(work))
        await settle()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    blocking = submit(block)
    asyncio.run(main())
    free.set()
    blocking.result(10)
    run_sync(give, None)
    assert begun == []


def test_work_is_cancelled_when_its_time_is_up() -> None:
    async def main(work: Work) -> None:
        with pytest.raises(TimeoutError, match=r"was cancelled after 0\.01 s"):
            await run_async(work, timeout=0.01)
        assert work.cleaned_up.is_set()

    asyncio.run(main(Work()))


def test_a_deadline_of_the_host_ends_in_its_own_timeout_error() -> None:
    async def main(work: Work) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await run_async(work)
        assert work.cleaned_up.is_set()

    asyncio.run(main(Work()))


def test_a_coroutine_that_nobody_drives_any_more_cancels_its_work() -> None:
    async def main(work: Work) -> None:
        coroutine = run_async(work)
        coroutine.send(None)
        await asyncio.to_thread(work.begun.wait, 10)
        coroutine.close()
        await asyncio.to_thread(run_sync, wait_for_cleanup, work)
        assert work.cancellations == 1

    async def wait_for_cleanup(work: Work) -> None:
        while not work.cleaned_up.is_set():
            await asyncio.sleep(0.005)

    asyncio.run(main(Work()))
