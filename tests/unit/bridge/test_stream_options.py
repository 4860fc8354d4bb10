"""iterate() and enter() take what run_sync() takes, for each step; and know where they cannot wait."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import signal
import threading
import time
import warnings
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from agent_runtime.bridge import Bridge, call_in_caller, enter, hostloop, iterate, run_sync
from agent_runtime.bridge.caller import Strategy
from agent_runtime.errors import (
    BlockedLoopWarning,
    CallerLoopError,
    CircularWaitError,
    ContextInUseError,
    NoThreadError,
)
from tests.helpers.children import run_child

user: contextvars.ContextVar[str] = contextvars.ContextVar("user", default="nobody")


async def count(to: int, pause: float = 0.0) -> AsyncIterator[int]:
    for number in range(to):
        await asyncio.sleep(pause)
        yield number


async def users() -> AsyncIterator[str]:
    while True:
        yield user.get()
        user.set(user.get() + "+")


def test_an_iteration_runs_in_the_given_context_and_its_changes_can_be_read_there() -> None:
    context = contextvars.copy_context()
    context.run(user.set, "ada")

    with contextlib.closing(iterate(users(), context=context)) as seen:
        assert [next(seen), next(seen)] == ["ada", "ada+"]

    assert context[user] == "ada+"
    assert user.get() == "nobody"


def test_an_iteration_sees_the_context_of_the_call_not_of_the_first_item() -> None:
    token = user.set("ada")
    seen = iterate(users())
    user.reset(token)

    assert next(seen) == "ada"
    seen.close()


def test_a_context_in_use_is_refused_at_the_call() -> None:
    with pytest.raises(ContextInUseError):
        contextvars.copy_context().run(lambda: iterate(count(1), context=_entered()))


def _entered() -> contextvars.Context:
    """Return a context that another thread is inside of, and stays in."""
    context, inside = contextvars.Context(), threading.Event()
    threading.Thread(target=context.run, args=(_stay, inside), daemon=True).start()
    assert inside.wait(10)
    return context


def _stay(inside: threading.Event) -> None:
    inside.set()
    threading.Event().wait()


def test_a_running_loop_can_be_refused_at_the_call_and_at_each_item() -> None:
    carried = iterate(count(3), on_running_loop="raise", names=("feed", "feed_async"))
    assert next(carried) == 0

    async def main() -> None:
        with pytest.raises(CallerLoopError, match="write `async for` there"):
            iterate(count(1), on_running_loop="raise")
        with pytest.raises(CallerLoopError, match="write `async with` there"):
            enter(asyncio.TaskGroup(), on_running_loop="raise")
        with pytest.raises(CallerLoopError, match="feed_async"):
            next(carried)

    asyncio.run(main())


def test_an_item_that_blocks_a_loop_for_long_warns_once_a_call_site(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hostloop, "THRESHOLD", 0.05)

    async def main() -> list[int]:
        return list(iterate(count(3, pause=0.1)))

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert asyncio.run(main()) == [0, 1, 2]

    assert [(warning.category, warning.filename) for warning in caught] == [(BlockedLoopWarning, __file__)]


def test_a_timeout_counts_the_time_that_the_caller_waits_and_no_other() -> None:
    seen = iterate(count(3), timeout=0.5)
    assert next(seen) == 0
    time.sleep(0.7)  # the caller's own time
    assert list(seen) == [1, 2]


@pytest.mark.parametrize("strategy", ["portal", "direct"])
def test_a_timeout_cancels_the_work_waits_for_its_cleanup_and_raises(strategy: Strategy) -> None:
    cleaned = []

    async def slow() -> AsyncIterator[int]:
        try:
            yield 1
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)
            cleaned.append(True)

    seen = iterate(slow(), timeout=0.1, strategy=strategy)
    assert next(seen) == 1
    with pytest.raises(TimeoutError, match=r"slow was cancelled after 0\.1 s"):
        next(seen)
    assert cleaned == [True]


def test_the_direct_strategy_keeps_one_task_and_one_loop_on_the_calling_thread() -> None:
    places = []

    async def source() -> AsyncIterator[int]:
        for number in range(3):
            places.append((asyncio.current_task(), threading.get_ident()))
            assert await call_in_caller(threading.get_ident) == threading.get_ident()
            yield number

    assert list(iterate(source(), strategy="direct")) == [0, 1, 2]
    assert len(set(places)) == 1
    assert places[0][1] == threading.get_ident()


def test_the_direct_strategy_closes_a_generator_that_is_left_early() -> None:
    closed = []

    async def source() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            await asyncio.sleep(0)
            closed.append(True)

    for _ in iterate(source(), strategy="direct"):
        break
    assert closed == [True]


def test_the_direct_strategy_enters_and_exits_in_one_task() -> None:
    tasks = []

    @contextlib.asynccontextmanager
    async def manager() -> AsyncIterator[str]:
        tasks.append(asyncio.current_task())
        try:
            yield "value"
        except KeyError:
            tasks.append(asyncio.current_task())

    with contextlib.ExitStack() as stack:
        assert stack.enter_context(enter(manager(), strategy="direct")) == "value"
        stack.callback(_fail)
    assert len(tasks) == 2
    assert len(set(tasks)) == 1


def _fail() -> None:
    raise KeyError


def test_the_direct_strategy_is_refused_inside_a_loop_also_when_carried_there() -> None:
    carried = iterate(count(3), strategy="direct")
    assert next(carried) == 0

    async def main() -> None:
        with pytest.raises(NoThreadError):
            next(iterate(count(1), strategy="direct"))
        with pytest.raises(NoThreadError):
            next(carried)

    asyncio.run(main())


def test_one_ctrl_c_ends_a_direct_iteration_after_its_cleanup() -> None:
    cleaned = []

    async def source() -> AsyncIterator[int]:
        try:
            yield 1
            signal.raise_signal(signal.SIGINT)
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)
            cleaned.append(True)

    seen = iterate(source(), strategy="direct")
    assert next(seen) == 1
    with pytest.raises(KeyboardInterrupt):
        next(seen)
    assert cleaned == [True]


def test_streams_work_where_no_thread_can_start() -> None:
    child = run_child(
        """
import _thread, contextlib
def refuse(*args, **keywords):
    raise RuntimeError("can't start new thread")
_thread.start_new_thread = refuse
from agent_runtime.bridge import enter, iterate
async def items():
    yield 1
    yield 2
@contextlib.asynccontextmanager
async def manager():
    yield 3
with enter(manager()) as value:
    print(*iterate(items()), value)
"""
    )
    assert child.check().lines == ["1 2 3"]


def test_an_item_asked_for_on_the_iterations_own_thread_is_refused_at_once() -> None:
    seen = iterate(count(3))
    assert next(seen) == 0

    async def inside() -> None:
        with pytest.raises(CircularWaitError, match="count"):
            next(seen)

    run_sync(inside)


def test_an_iterator_closed_on_its_own_loop_thread_does_not_wait_there() -> None:
    ended = threading.Event()

    async def source() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            ended.set()

    def begun() -> Iterator[int]:
        seen = iterate(source())
        assert next(seen) == 1
        return seen

    held = [begun()]

    async def drop() -> None:
        held.clear()
        gc.collect()

    run_sync(drop)
    assert ended.wait(10)


def test_what_cannot_be_iterated_or_entered_is_refused_with_what_to_do() -> None:
    with pytest.raises(TypeError, match=r"needs an async iterator, got function; call it first"):
        iterate(count)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match=r"needs an async context manager, got list"):
        enter([])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="strategy='threads'"):
        iterate(count(1), strategy="threads")  # type: ignore[call-overload]


def test_two_bridges_that_begin_to_call_each_other_at_the_same_moment_both_get_their_answer() -> None:
    with Bridge(name="left") as left, Bridge(name="right") as right:
        for _ in range(20):
            both_inside = threading.Barrier(2, timeout=30)

            async def cross(other: Bridge, both_inside: threading.Barrier = both_inside) -> str:
                both_inside.wait()
                return other.run_sync(_answer)

            with ThreadPoolExecutor(2) as pool:
                crossing = [
                    pool.submit(lambda: left.run_sync(cross, right)),
                    pool.submit(lambda: right.run_sync(cross, left)),
                ]
                assert [future.result(30) for future in crossing] == ["answer", "answer"]


async def _answer() -> str:
    return "answer"
