"""S12: hosts that cancel more than once, as AnyIO does at each turn of the loop: a step hears it once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from agent_runtime import Options, Runtime
from tests.helpers.work import Work

anyio = pytest.importorskip("anyio")

PLAIN = "steps: [{id: act, tool: work}]\n"
LIMITED = "steps: [{id: act, tool: work, timeout: 60, retry: {attempts: 2}}]\n"
BLOCK = "steps: [{id: all, steps: [{id: act, tool: work}]}]\n"
EACH = "steps: [{id: all, for_each: [1], tool: work}]\n"
REPEAT = "steps: [{id: all, repeat: {max: 2}, tool: work}]\n"
CALLED = "steps: [{id: all, workflow: inner}]\n"
FAILING = "steps: [{id: act, tool: work}, {id: fail, tool: fail_beside}]\n"
UNDONE = """
steps:
  - {id: book, tool: nothing, compensate: {tool: work}}
  - {id: wait, tool: wait_for_ever, needs: [book]}
"""

Way = Callable[[Runtime], Awaitable[None]]


async def run(runtime: Runtime) -> None:
    await runtime.run_async()


async def stream(runtime: Runtime) -> None:
    async with contextlib.aclosing(runtime.stream_async()) as events:
        async for _ in events:
            pass


async def map_(runtime: Runtime) -> None:
    async with contextlib.aclosing(runtime.map_async([{}])) as runs:
        async for _ in runs:
            pass


async def scope(way: Way, runtime: Runtime, is_time: asyncio.Event) -> None:
    """Cancel as AnyIO does: again and again, until the task has left the scope."""
    async with anyio.create_task_group() as group:
        group.start_soon(way, runtime)
        await is_time.wait()
        group.cancel_scope.cancel()
    assert group.cancel_scope.cancel_called


async def by_hand(way: Way, runtime: Runtime, is_time: asyncio.Event) -> None:
    """Cancel three times."""

    async def work() -> None:
        await way(runtime)

    task = asyncio.create_task(work())
    await is_time.wait()
    for message in ("first", "second", "third"):
        task.cancel(message)
        await asyncio.sleep(0.005)
    with pytest.raises(asyncio.CancelledError, match="first"):
        await task


@pytest.mark.parametrize("host", [scope, by_hand])
@pytest.mark.parametrize("way", [run, stream, map_])
@pytest.mark.parametrize(
    "source",
    [
        pytest.param(PLAIN, id="plain"),
        pytest.param(LIMITED, id="time_limit_and_retries"),
        pytest.param(BLOCK, id="block"),
        pytest.param(EACH, id="for_each"),
        pytest.param(REPEAT, id="repeat"),
        pytest.param(CALLED, id="sub_workflow"),
        pytest.param(FAILING, id="cleaning_up_after_a_failure"),
        pytest.param(UNDONE, id="compensation"),
    ],
)
def test_a_step_is_cancelled_once_and_its_cleanup_is_awaited(source: str, way: Way, host: Any) -> None:
    cancelled_from_the_start = source != UNDONE

    async def main() -> None:
        is_time, work = asyncio.Event(), Work()

        async def act() -> object:
            is_time.set()
            return await work()

        async def fail_beside() -> None:
            while not work.begun.is_set():
                await asyncio.sleep(0)
            raise ValueError

        async def nothing() -> None: ...

        async def wait_for_ever() -> None:
            is_time.set()
            await asyncio.sleep(60)

        async def undo() -> None:
            for _ in range(20):
                await asyncio.sleep(0.005)
            work.cleaned_up.set()

        tools = {
            "work": act if cancelled_from_the_start else undo,
            "fail_beside": fail_beside,
            "nothing": nothing,
            "wait_for_ever": wait_for_ever,
        }
        options = Options(workflows={"inner": PLAIN})
        await host(way, Runtime(source, tools=tools, options=options), is_time)
        assert (work.cleaned_up.is_set(), work.cancellations) == (True, int(cancelled_from_the_start))

    asyncio.run(main())


@pytest.mark.parametrize("thread", ["caller", "worker"])
def test_a_plain_function_that_undoes_is_awaited_too(thread: str) -> None:
    undone: list[str] = []
    source = f"""
steps:
  - {{id: book, tool: nothing, compensate: {{function: undo, thread: {thread}}}}}
  - {{id: wait, tool: wait_for_ever, needs: [book]}}
"""

    async def main() -> None:
        is_time = asyncio.Event()

        async def nothing() -> None: ...

        async def wait_for_ever() -> None:
            is_time.set()
            await asyncio.sleep(60)

        tools = {"nothing": nothing, "wait_for_ever": wait_for_ever}
        functions = {"undo": lambda: undone.append("booking")}
        await scope(run, Runtime(source, tools=tools, functions=functions), is_time)

    asyncio.run(main())
    assert undone == ["booking"]
