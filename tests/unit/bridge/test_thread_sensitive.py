"""asgiref's thread-sensitive code in the work of a call: who performs it, where, and what it leaves."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import pytest

from agent_runtime.bridge import Strategy, call_in_caller, enter, iterate, run_sync
from agent_runtime.errors import CallAbandonedError

asgiref_sync = pytest.importorskip("asgiref.sync")
async_to_sync: Any = asgiref_sync.async_to_sync
sync_to_async: Any = asgiref_sync.sync_to_async
here = threading.get_ident
T = TypeVar("T")
LIMIT = 10.0
variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


async def row() -> int:
    """Tell which thread an ORM would use."""
    return int(await sync_to_async(here)())


def in_a_request(view: Callable[[], T]) -> T:
    """Call a sync view as Django's ASGI handler does, each request with a thread of its own."""

    async def handle() -> T:
        async with asgiref_sync.ThreadSensitiveContext():
            value: T = await sync_to_async(view)()
            return value

    return asyncio.run(handle())


def outside_a_request(view: Callable[[], T]) -> T:
    """Call a sync view on the one thread that asgiref has for the process."""

    async def handle() -> T:
        value: T = await sync_to_async(view)()
        return value

    return asyncio.run(handle())


def on_any_thread(view: Callable[[], T]) -> T:
    """Call a sync view that may run on any thread, in a request."""

    async def handle() -> T:
        async with asgiref_sync.ThreadSensitiveContext():
            value: T = await sync_to_async(view, thread_sensitive=False)()
            return value

    return asyncio.run(handle())


def under_async_to_sync(view: Callable[[], T]) -> T:
    """Call sync code that async code has called that sync code waits for."""

    async def handle() -> T:
        value: T = await sync_to_async(view)()
        return value

    result: T = async_to_sync(handle)()
    return result


def plainly(view: Callable[[], T]) -> T:
    """Call it in a script, or a management command."""
    return view()


@pytest.mark.parametrize("strategy", ["portal", "direct"])
@pytest.mark.parametrize(
    "host", [in_a_request, outside_a_request, on_any_thread, under_async_to_sync, plainly]
)
def test_the_thread_that_waits_does_it_as_under_async_to_sync(
    host: Callable[[Callable[[], tuple[int, ...]]], tuple[int, ...]], strategy: Strategy
) -> None:
    def view() -> tuple[int, ...]:
        return here(), async_to_sync(row)(), run_sync(row, timeout=LIMIT, strategy=strategy)

    thread, by_async_to_sync, by_us = host(view)

    assert by_async_to_sync == thread
    assert by_us == thread


def test_a_nested_call_in_async_code_finds_the_thread_that_waits_outside() -> None:
    async def outer() -> int:
        return run_sync(row, timeout=LIMIT)

    def view() -> tuple[int, int]:
        return here(), run_sync(outer, timeout=LIMIT)

    thread, used = in_a_request(view)

    assert used == thread


def test_a_nested_call_in_async_code_on_the_calling_thread_serves_itself() -> None:
    async def outer() -> int:
        return run_sync(row, timeout=LIMIT)

    def view() -> tuple[int, int]:
        return here(), run_sync(outer, timeout=LIMIT, strategy="direct")

    thread, used = in_a_request(view)

    assert used == thread


def test_async_code_that_blocks_uses_the_thread_that_awaiting_would_use() -> None:
    async def view() -> tuple[int, int]:
        async with asgiref_sync.ThreadSensitiveContext():
            return await row(), run_sync(row, timeout=LIMIT, on_running_loop="allow")

    awaited, called = asyncio.run(view())

    assert called == awaited != here()


def test_async_code_that_blocks_finds_the_sync_code_that_waits_for_it() -> None:
    async def blocks() -> int:
        return run_sync(row, timeout=LIMIT, on_running_loop="allow")

    def view() -> tuple[int, int]:
        return here(), async_to_sync(blocks)()

    thread, used = in_a_request(view)

    assert used == thread


@pytest.mark.parametrize("host", [in_a_request, outside_a_request, plainly])
def test_a_loop_of_a_views_own_is_no_reason_to_wait_for_the_views_thread(
    host: Callable[[Callable[[], tuple[int, int]]], tuple[int, int]],
) -> None:
    async def main() -> int:
        return run_sync(row, timeout=LIMIT, on_running_loop="allow")

    thread, used = host(lambda: (here(), asyncio.run(main())))

    assert (used == thread) == (host is not plainly)  # as an await does, where that can work


def test_plain_steps_and_thread_sensitive_code_may_call_async_to_sync() -> None:
    def ask() -> int:
        return int(async_to_sync(row)())

    async def work() -> tuple[int, int]:
        return await call_in_caller(ask), await sync_to_async(ask)()

    def view() -> tuple[int, tuple[int, int], tuple[int, int]]:
        portal = run_sync(work, timeout=LIMIT)
        return here(), portal, run_sync(work, timeout=LIMIT, strategy="direct")

    thread, portal, direct = in_a_request(view)

    assert portal == direct == (thread, thread)


def test_thread_sensitive_code_may_make_sync_calls() -> None:
    async def work() -> int:
        return int(await sync_to_async(run_sync)(row, timeout=LIMIT))

    def view() -> tuple[int, int]:
        return here(), run_sync(work, timeout=LIMIT)

    thread, used = in_a_request(view)

    assert used == thread


def test_a_plain_step_with_a_loop_of_its_own_finds_what_its_caller_would_find() -> None:
    async def work() -> int:
        return await call_in_caller(asyncio.run, row())

    assert run_sync(work, timeout=LIMIT) == asyncio.run(row()) != here()


def test_streams_and_managers_use_the_thread_that_comes_for_them() -> None:
    async def rows() -> AsyncIterator[int]:
        yield await row()
        yield await row()

    @asynccontextmanager
    async def connection() -> AsyncIterator[int]:
        yield await row()
        left.append(await row())

    left: list[int] = []

    def view() -> tuple[int, list[int]]:
        with enter(connection(), timeout=LIMIT) as entered:
            return here(), [*iterate(rows(), timeout=LIMIT), entered]

    thread, used = in_a_request(view)

    assert [*used, *left] == [thread] * 4


def test_changes_of_context_variables_in_thread_sensitive_code_come_back_into_the_step() -> None:
    async def work() -> str:
        await sync_to_async(variable.set)("set on the other thread")
        return variable.get()

    assert run_sync(work, timeout=LIMIT) == "set on the other thread"
    assert variable.get() == "unset"


def test_nothing_is_left_in_a_context_that_the_caller_has_given() -> None:
    def visible(context: contextvars.Context) -> object:
        return context.run(getattr, asgiref_sync.AsyncToSync.executors, "current", None)

    fresh, used = contextvars.Context(), contextvars.Context()
    used.run(setattr, asgiref_sync.AsyncToSync.executors, "current", "somebody's")

    for context in (fresh, used):
        assert run_sync(row, context=context, timeout=LIMIT) == here()

    assert (visible(fresh), visible(used)) == (None, "somebody's")


def test_code_after_the_call_finds_the_hosts_loop_where_it_was() -> None:
    def view() -> tuple[object, object]:
        before = dict(vars(asgiref_sync.SyncToAsync.threadlocal))
        run_sync(row, timeout=LIMIT)
        return before, vars(asgiref_sync.SyncToAsync.threadlocal).copy()

    before, after = in_a_request(view)

    assert after == before


def test_a_task_that_outlives_its_call_goes_by_asgirefs_own_rules() -> None:
    go, done = asyncio.Event(), threading.Event()
    used: list[int] = []

    async def later() -> None:
        await go.wait()
        used.append(await row())
        done.set()

    async def leave_a_task() -> asyncio.Task[None]:
        return asyncio.create_task(later())

    async def let_go() -> None:
        go.set()

    task = run_sync(leave_a_task)
    run_sync(let_go)

    assert done.wait(LIMIT)
    assert used != [here()]
    assert task is not None


def test_what_thread_sensitive_code_raises_is_the_object_itself() -> None:
    error = LookupError("no row")

    def fail() -> None:
        raise error

    with pytest.raises(LookupError) as caught:
        run_sync(sync_to_async(fail), timeout=LIMIT)

    assert caught.value is error


def test_stop_iteration_of_thread_sensitive_code_ends_the_wait_for_it() -> None:
    with pytest.raises(RuntimeError, match="raised StopIteration"):
        run_sync(sync_to_async(next), iter(()), timeout=LIMIT)


def test_work_that_nobody_waits_for_any_more_is_told_so() -> None:
    """A call that is given up leaves no piece of work behind that waits for ever."""
    from agent_runtime.bridge.thread_sensitive import CallersExecutor

    async def executor() -> object:
        return asgiref_sync.AsyncToSync.executors.current

    shown = run_sync(executor)
    assert isinstance(shown, CallersExecutor)
    assert not shown

    with pytest.raises(CallAbandonedError, match="get_ident"):
        shown.submit(here).result(LIMIT)


def test_work_that_is_cancelled_before_it_begins_is_not_done() -> None:
    begun: list[int] = []

    async def work() -> None:
        busy = asyncio.ensure_future(call_in_caller(release.wait, LIMIT))
        late = asyncio.ensure_future(sync_to_async(begun.append)(1))
        await asyncio.sleep(0)
        late.cancel()
        await asyncio.wait([late])
        release.set()
        await busy

    release = threading.Event()
    run_sync(work, timeout=LIMIT)

    assert not begun
