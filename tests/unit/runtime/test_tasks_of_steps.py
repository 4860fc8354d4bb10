"""Each step is a task of its own on the host's loop, and the host may do to it what it does to tasks."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import sys
import warnings

import pytest

from agent_runtime import RunResult, Runtime

COUNT = 1_500
"""More steps than Python allows calls inside each other."""

since_3_12 = pytest.mark.skipif(sys.version_info < (3, 12), reason="asyncio has no eager tasks")


def chain(act: object, count: int = COUNT) -> Runtime:
    rows = [f"  - {{id: s{n}, tool: act, needs: [{f's{n - 1}' if n else ''}]}}" for n in range(count)]
    return Runtime("\n".join(["steps:", *rows, ""]), tools={"act": act})  # type: ignore[dict-item]  # any function


def tasks_of_steps() -> list[asyncio.Task[object]]:
    return [task for task in asyncio.all_tasks() if task.get_name().startswith("agent_runtime step")]


def test_step_sees_a_task_with_its_own_name_and_context() -> None:
    seen: contextvars.ContextVar[object] = contextvars.ContextVar("seen", default="nothing")
    tasks = []

    async def act() -> object:
        task = asyncio.current_task()
        assert task is not None
        tasks.append(task)
        found = seen.get()
        seen.set(task.get_name())
        return found, task.get_name()

    outputs = asyncio.run(chain(act, 20).run_async()).outputs

    assert outputs == {f"s{n}": ("nothing", f"agent_runtime step s{n}") for n in range(20)}
    assert len(set(tasks)) == 20
    assert all(task.done() and not task.cancelled() for task in tasks)


def test_task_that_is_cancelled_before_it_begins_cancels_the_run() -> None:
    begun = []

    async def act() -> None:
        begun.append(1)

    async def main() -> None:
        run = asyncio.create_task(chain(act, 3).run_async())
        while not (tasks := tasks_of_steps()):
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        async with asyncio.timeout(10):
            await run

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(main())

    assert begun == []


def test_step_that_is_about_to_begin_does_not_when_another_one_fails() -> None:
    begun = []

    async def fail() -> None:
        raise ValueError("refused")

    async def act() -> None:
        begun.append(1)

    text = "steps: [{id: a, tool: fail}, {id: b, tool: act}]\n"
    with pytest.raises(ValueError, match="refused"):
        asyncio.run(Runtime(text, tools={"fail": fail, "act": act}).run_async())

    assert begun == []


@since_3_12
@pytest.mark.parametrize("waits", [False, True])
def test_host_may_begin_tasks_at_once(*, waits: bool) -> None:
    order: list[int] = []

    async def act() -> int:
        if waits:
            await asyncio.sleep(0)
        order.append(len(order))
        return order[-1]

    async def main() -> RunResult:
        if sys.version_info >= (3, 12):  # for the type checker
            asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        return await chain(act).run_async()

    assert asyncio.run(main()).outputs == {f"s{n}": n for n in range(COUNT)}


@pytest.mark.parametrize("rounds", [0, 1, 5])
def test_loop_that_is_closed_in_the_middle_of_a_run_leaves_nothing_to_hear_of(rounds: int) -> None:
    left: list[asyncio.Task[RunResult]] = []

    async def act() -> None:
        await asyncio.sleep(60)

    async def main() -> None:
        left.append(asyncio.create_task(chain(act, 3).run_async()))
        for _ in range(rounds):
            await asyncio.sleep(0)

    loop = asyncio.new_event_loop()
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        loop.run_until_complete(main())
        loop.close()
        left.clear()
        del loop
        gc.collect()

    assert [str(each.message) for each in heard] == []
