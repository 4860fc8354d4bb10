"""A call in a task that greenback has prepared: the task sleeps, its loop goes on, all else is as ever."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import pytest

from agent_runtime.bridge import Bridge, call_in_caller, enter, hostloop, iterate, run_sync
from agent_runtime.errors import BlockedLoopWarning, CallerLoopError
from tests.helpers.children import run_child

greenback = pytest.importorskip("greenback")
T = TypeVar("T")


def prepared(test: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run ``test()`` in a task of asyncio that greenback has prepared."""

    async def main() -> T:
        await greenback.ensure_portal()
        return await test()

    return asyncio.run(main())


async def answer_of(host: asyncio.AbstractEventLoop, ask: Callable[[], Awaitable[T]]) -> T:
    """Work that needs the caller's loop: wait for what it answers."""

    async def answering() -> T:
        return await ask()

    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(answering(), host))


async def loop_id() -> int:
    return id(asyncio.get_running_loop())


def test_the_callers_loop_goes_on_and_the_work_may_even_wait_for_it() -> None:
    async def calling() -> tuple[int, int]:
        host = asyncio.get_running_loop()
        return run_sync(answer_of, host, loop_id), id(host)

    answered_on, host = prepared(calling)

    assert answered_on == host


def test_the_work_runs_on_the_loop_that_all_calls_share() -> None:
    async def calling() -> int:
        return run_sync(loop_id)

    assert prepared(calling) == run_sync(loop_id)


def test_plain_functions_of_the_work_run_on_the_thread_that_calls_and_see_no_loop() -> None:
    def where() -> tuple[int, object]:
        return threading.get_ident(), hostloop.running_loop()

    async def calling() -> tuple[int, object]:
        return run_sync(call_in_caller, where)

    assert prepared(calling) == (threading.get_ident(), None)


def test_many_tasks_wait_at_once_on_one_loop() -> None:
    together = 50
    missing = together

    async def meet() -> None:
        nonlocal missing
        missing -= 1
        while missing:
            await asyncio.sleep(0.001)

    async def one() -> None:
        await greenback.ensure_portal()
        run_sync(meet)

    async def calling() -> None:
        await asyncio.gather(*(one() for _ in range(together)))

    prepared(calling)
    assert missing == 0


def test_cancelling_the_task_cancels_the_work_and_waits_for_its_cleanup() -> None:
    seen: list[str] = []

    async def work(host: asyncio.AbstractEventLoop, cancel: Callable[[], object]) -> None:
        try:
            host.call_soon_threadsafe(cancel)
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.05)
            seen.append("cleaned up")

    async def calling() -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            run_sync(work, asyncio.get_running_loop(), task.cancel)
        finally:
            seen.append("returned")

    with pytest.raises(asyncio.CancelledError):
        prepared(calling)
    assert seen == ["cleaned up", "returned"]


def test_the_tasks_own_time_limit_ends_the_call() -> None:
    async def calling() -> None:
        async with asyncio.timeout(0.05):  # noqa: ASYNC100 - the call is a checkpoint here
            run_sync(asyncio.Event().wait)

    with pytest.raises(TimeoutError):
        prepared(calling)


def test_the_calls_time_limit_ends_the_work() -> None:
    async def calling() -> None:
        run_sync(asyncio.Event().wait, timeout=0.05)

    with pytest.raises(TimeoutError, match=r"was cancelled after 0\.05 s"):
        prepared(calling)


def test_an_exception_comes_out_as_the_object_itself() -> None:
    error = LookupError("lost")

    async def work() -> None:
        raise error

    async def calling() -> None:
        run_sync(work)

    with pytest.raises(LookupError) as caught:
        prepared(calling)
    assert caught.value is error
    assert error.__context__ is None


def test_nothing_is_blocked_so_nothing_is_refused_or_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hostloop, "THRESHOLD", 0.0)

    async def calling() -> int:
        run_sync(loop_id)
        return run_sync(loop_id, on_running_loop="raise")

    with warnings.catch_warnings():
        warnings.simplefilter("error", BlockedLoopWarning)
        assert prepared(calling) == run_sync(loop_id)


def test_a_task_that_is_not_prepared_is_treated_as_ever_beside_one_that_is() -> None:
    async def unprepared() -> None:
        run_sync(loop_id, on_running_loop="raise")

    async def calling() -> None:
        await asyncio.create_task(unprepared())

    with pytest.raises(CallerLoopError):
        prepared(calling)


def test_a_call_inside_a_prepared_async_step_runs_on_the_very_same_loop() -> None:
    async def step() -> tuple[int, int]:
        await greenback.ensure_portal()
        return run_sync(loop_id), id(asyncio.get_running_loop())

    inner, outer = run_sync(step)

    assert inner == outer


def test_a_call_of_another_bridge_inside_a_prepared_step_finds_its_way_back() -> None:
    async def innermost() -> str:
        return "found"

    with Bridge(name="first") as first, Bridge(name="second") as second:

        async def middle() -> str:
            await greenback.ensure_portal()
            return first.run_sync(innermost)

        async def outer() -> str:
            await greenback.ensure_portal()
            return second.run_sync(middle)

        assert first.run_sync(outer, timeout=30) == "found"


async def letters(host: asyncio.AbstractEventLoop, closed: list[str]) -> AsyncIterator[str]:
    async def letter() -> str:
        return "a letter"

    try:
        while True:
            yield await answer_of(host, letter)
    finally:
        closed.append("closed")


def test_iterations_suspend_the_task_for_each_item_and_close_early() -> None:
    closed: list[str] = []

    async def calling() -> list[str]:
        with contextlib.closing(iterate(letters(asyncio.get_running_loop(), closed))) as items:
            return [next(items), next(items)]

    assert prepared(calling) == ["a letter", "a letter"]
    assert closed == ["closed"]


def test_an_iteration_begun_in_a_prepared_task_can_go_on_in_a_plain_thread() -> None:
    closed: list[str] = []

    async def calling() -> list[str]:
        items = iterate(letters(asyncio.get_running_loop(), closed))
        first = next(items)
        second = await asyncio.to_thread(next, items)
        await asyncio.to_thread(items.close)
        return [first, second]

    assert prepared(calling) == ["a letter", "a letter"]
    assert closed == ["closed"]


def test_context_managers_suspend_the_task_when_entered_and_left() -> None:
    seen: list[str] = []

    async def calling() -> None:
        host = asyncio.get_running_loop()

        @asynccontextmanager
        async def manager() -> AsyncIterator[int]:
            yield await answer_of(host, loop_id)
            seen.append("left" if await answer_of(host, loop_id) == id(host) else "elsewhere")

        with enter(manager()) as value:
            assert value == id(host)

    prepared(calling)
    assert seen == ["left"]


CTRL_C = """
import asyncio, os, signal
import greenback
from agent_runtime.bridge import run_sync

async def work():
    asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGINT)
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0.05)
        print("cleaned up", flush=True)

async def main():
    await greenback.ensure_portal()
    try:
        run_sync(work)
    except BaseException as error:
        print(type(error).__name__, flush=True)
        raise

try:
    RUN
except KeyboardInterrupt:
    print("KeyboardInterrupt came out", flush=True)
"""


@pytest.mark.parametrize(
    ("library", "run", "seen_in_the_task"),
    [
        ("asyncio", "run(main())", "CancelledError"),
        ("uvloop", "run(main())", "CancelledError"),
        ("trio", "run(main)", "KeyboardInterrupt"),
    ],
)
def test_ctrl_c_does_what_it_does_to_a_task_that_awaits(
    library: str, run: str, seen_in_the_task: str
) -> None:
    pytest.importorskip(library)

    child = run_child(CTRL_C.replace("RUN", f"import {library}; {library}.{run}")).check()

    assert child.lines == ["cleaned up", seen_in_the_task, "KeyboardInterrupt came out"]


FORK = """
import asyncio, os
import greenback, trio
from agent_runtime.bridge import run_sync

async def work():
    await asyncio.sleep(0.01)
    return "well"

async def main():
    await greenback.ensure_portal()
    run_sync(work)
    readable, writable = os.pipe()
    children = []
    for _ in range(20):
        child = os.fork()
        if child == 0:
            os.close(readable)
            run_sync(work)
            os.write(writable, b"w")
            os._exit(0)
        children.append(child)
        await trio.sleep(0)  # the parent's loop would take what wakes the child's
    os.close(writable)
    told = b""
    while answer := await trio.to_thread.run_sync(os.read, readable, 100):
        told += answer
    print(len(told))
    for child in children:
        os.waitpid(child, 0)

trio.run(main)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_forked_in_a_run_of_trio_does_not_wait_for_what_wakes_its_parent() -> None:
    pytest.importorskip("trio")

    child = run_child(FORK, limit=60, options=("-W", "ignore::DeprecationWarning"))

    assert child.lines == ["20"], child.stderr


def test_trio_waits_for_the_cleanup_and_its_other_tasks_go_on() -> None:
    trio = pytest.importorskip("trio")
    seen: list[str] = []

    async def work(token: Any, wake: Callable[[], None]) -> None:
        try:
            token.run_sync_soon(wake)
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.05)
            seen.append("cleaned up")

    async def main() -> bool:
        await greenback.ensure_portal()
        woken = trio.Event()
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:

                async def cancel_when_woken() -> None:
                    await woken.wait()
                    scope.cancel()

                nursery.start_soon(cancel_when_woken)
                run_sync(work, trio.lowlevel.current_trio_token(), woken.set)
        seen.append("returned")
        return bool(scope.cancelled_caught)

    assert trio.run(main)
    assert seen == ["cleaned up", "returned"]
