"""Runtime.map(): many runs in this process, on the loop or with a pool of threads."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from agent_runtime import (
    CallerLoopError,
    Executor,
    Runtime,
)
from tests.helpers.maps import Gate, collected, numbers, of_function, of_tool, steps_of

LIMIT = 10.0


@pytest.mark.parametrize(
    "inputs",
    [
        pytest.param(lambda: list(numbers(25)), id="list"),
        pytest.param(lambda: numbers(25), id="generator"),
        pytest.param(lambda: map(dict, numbers(25)), id="iterator"),
    ],
)
def test_runs_come_in_the_order_of_their_inputs(inputs: Callable[[], Any]) -> None:
    async def slower_first(n: int) -> int:
        await asyncio.sleep(0.01 if n % 5 == 0 else 0)
        return n

    runs = list(of_tool(slower_first).map(inputs()))

    assert [run.outputs["step"] for run in runs] == list(range(25))
    assert [run.index for run in runs] == list(range(25))
    assert len({run.result.run_id for run in runs if run.result is not None}) == 25


def test_runs_come_as_they_end_when_order_does_not_matter() -> None:
    first = asyncio.Event()

    async def zero_last(n: int) -> int:
        if n == 0:
            await first.wait()
        if n == 9:
            first.set()
        return n

    found = steps_of(of_tool(zero_last).map(numbers(10), ordered=False, concurrency=2))

    assert found.index(0) >= 8
    assert [n for n in found if n] == list(range(1, 10))


def test_no_more_runs_are_in_progress_than_asked_for() -> None:
    going, most = 0, 0

    async def tool(n: int) -> int:
        nonlocal going, most
        going += 1
        most = max(most, going)
        while most < 7:
            await asyncio.sleep(0)
        going -= 1
        return n

    assert len(list(of_tool(tool).map(numbers(40), concurrency=7))) == 40
    assert most == 7


def test_inputs_are_taken_no_further_ahead_than_twice_the_concurrency() -> None:
    taken = 0

    def inputs() -> Iterator[dict[str, object]]:
        nonlocal taken
        for n in range(1_000):
            taken += 1
            yield {"n": n}

    async def tool(n: int) -> int:
        return n

    ahead = [taken - run.index for run in of_tool(tool).map(inputs(), concurrency=4)]

    assert len(ahead) == 1_000
    assert max(ahead) <= 2 * 4 + 1


def test_inputs_may_be_without_end() -> None:
    def without_end() -> Iterator[dict[str, object]]:
        n = 0
        while True:
            yield {"n": n}
            n += 1

    async def tool(n: int) -> int:
        return n

    runs = of_tool(tool).map(without_end())
    found = [next(runs).outputs["step"] for _ in range(100)]
    runs.close()

    assert found == list(range(100))


def test_results_that_have_been_given_are_not_kept() -> None:
    class Big:
        pass

    alive: weakref.WeakSet[Big] = weakref.WeakSet()

    async def tool(n: int) -> Big:
        big = Big()
        alive.add(big)
        return big

    most = 0
    for run in of_tool(tool).map(numbers(500), concurrency=5):
        most = max(most, len(alive))
        del run

    assert most <= 2 * 5 + 2


def test_functions_and_inputs_run_on_the_calling_thread_without_an_executor() -> None:
    threads = set()

    def inputs() -> Iterator[dict[str, object]]:
        for n in range(20):
            threads.add(threading.get_ident())
            yield {"n": n}

    def function(n: int) -> int:
        threads.add(threading.get_ident())
        return n

    assert len(list(of_function(function).map(inputs()))) == 20
    assert threads == {threading.get_ident()}


def test_each_run_keeps_one_thread_of_a_pool_for_its_functions() -> None:
    runtime = Runtime(
        """
        steps:
          - {id: a, function: f}
          - {id: b, tool: t, needs: a}
          - {id: c, function: f, needs: b}
        """,
        functions={"f": threading.get_ident},
        tools={"t": _rest},
    )
    with ThreadPoolExecutor(3) as pool:
        inside = {thread.ident for thread in threading.enumerate()}
        runs = list(runtime.map([None] * 30, executor=pool))
        workers = {thread.ident for thread in threading.enumerate()} - inside

    assert len(runs) == 30
    assert all(run.outputs["a"] == run.outputs["c"] for run in runs)
    assert {run.outputs["a"] for run in runs} <= workers


async def _rest() -> None:
    await asyncio.sleep(0.001)


def test_functions_of_many_runs_run_at_once_in_a_pool() -> None:
    together = threading.Barrier(4)

    def function(n: int) -> int:
        together.wait(LIMIT)
        return n

    with ThreadPoolExecutor(4) as pool:
        assert steps_of(of_function(function).map(numbers(8), executor=pool)) == list(range(8))


def test_steps_see_the_context_variables_of_the_call_of_map() -> None:
    request: contextvars.ContextVar[str] = contextvars.ContextVar("request", default="none")
    runtime = of_function(lambda n: request.get())

    with ThreadPoolExecutor(2) as pool:
        token = request.set("mine")
        here, there = runtime.map(numbers(3)), runtime.map(numbers(3), executor=pool)
        request.reset(token)

        assert steps_of(here) == ["mine"] * 3
        assert steps_of(there) == ["mine"] * 3


def test_runs_share_nothing_but_the_loop_with_runs_of_the_same_runtime() -> None:
    def function(n: int) -> object:
        return n if n == 0 else [*of_function(lambda n: n).map(numbers(2))][-1].outputs["step"]

    assert steps_of(of_function(function).map(numbers(3))) == [0, 1, 1]


def test_executor_maps_over_its_steps_as_well() -> None:
    steps = [{"id": "twice", "function": "twice", "with": {"n": "${inputs.n}"}}]

    runs = Executor(steps, functions={"twice": lambda n: 2 * n}).map(numbers(4))

    assert [run.outputs["twice"] for run in runs] == [0, 2, 4, 6]


def test_map_works_inside_an_async_step_which_blocks_the_loop() -> None:
    async def tool(n: int) -> list[object]:
        with ThreadPoolExecutor(2) as pool:
            return [
                *steps_of(of_function(lambda n: n).map(numbers(2))),
                *steps_of(of_function(lambda n: n).map(numbers(2), executor=pool)),
            ]

    assert steps_of(of_tool(tool).map(numbers(2))) == [[0, 1, 0, 1]] * 2


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        pytest.param({"inputs": {"n": 1}}, TypeError, "use run", id="one_mapping"),
        pytest.param({"inputs": "n"}, TypeError, "iterable of mappings", id="text"),
        pytest.param({"inputs": 3}, TypeError, "iterable of mappings", id="number"),
        pytest.param({"concurrency": 0}, ValueError, "from 1 on", id="no_run"),
        pytest.param({"concurrency": 2.0}, TypeError, "number of runs", id="no_number"),
        pytest.param({"on_error": "ignore"}, ValueError, "'raise' or 'collect'", id="on_error"),
        pytest.param({"ordered": 1}, TypeError, "True or False", id="ordered"),
        pytest.param({"executor": 4}, TypeError, "function that makes one", id="executor"),
        pytest.param({"timeout": "5"}, TypeError, "seconds", id="timeout"),
    ],
)
def test_wrong_arguments_are_refused_at_once(
    arguments: dict[str, Any], error: type[Exception], text: str
) -> None:
    runtime = of_function(lambda n: n)

    with pytest.raises(error, match=text):
        runtime.map(**{"inputs": [], **arguments})
    with pytest.raises(error, match=text):
        runtime.map_async(**{"inputs": [], **arguments})


def test_time_limit_is_that_of_each_run() -> None:
    async def tool(n: int) -> int:
        await asyncio.sleep(60 if n == 1 else 0)
        return n

    runs = list(of_tool(tool).map(numbers(3), timeout=0.2, on_error="collect"))

    assert [type(run.error) for run in runs] == [type(None), TimeoutError, type(None)]
    assert str(runs[1].error) == "workflow 'mapped' was cancelled after 0.2 s"


def test_running_loop_is_not_blocked_where_that_is_refused() -> None:
    async def main() -> None:
        with pytest.raises(CallerLoopError, match="map_async"):
            of_function(lambda n: n).map(numbers(1), on_running_loop="raise")

    asyncio.run(main())


def test_async_variant_gives_the_same_and_blocks_nothing() -> None:
    async def inputs() -> AsyncIterator[dict[str, object]]:
        for one in numbers(20):
            await asyncio.sleep(0)
            yield one

    async def main() -> None:
        me = threading.get_ident()
        runs = await collected(of_function(lambda n: (n, threading.get_ident())).map_async(inputs()))

        steps: list[Any] = [run.outputs["step"] for run in runs]
        assert [step[0] for step in steps] == list(range(20))
        assert me not in {step[1] for step in steps}

    asyncio.run(main())


def test_async_variant_takes_inputs_that_block_on_a_thread_of_their_own() -> None:
    seen = []

    def inputs() -> Iterator[dict[str, object]]:
        for one in numbers(3):
            seen.append(threading.get_ident())
            yield one

    async def main() -> None:
        with ThreadPoolExecutor(1) as pool:
            runs = await collected(of_function(lambda n: n).map_async(inputs(), executor=pool))
        assert [run.index for run in runs] == [0, 1, 2]
        assert threading.get_ident() not in seen
        assert len(set(seen)) == 1

    asyncio.run(main())


def test_cancelled_async_map_cancels_its_runs_and_waits_for_their_cleanup() -> None:
    gate = Gate()

    async def main() -> None:
        reader = asyncio.create_task(collected(of_tool(gate).map_async(numbers(50), concurrency=3)))
        while len(gate.waiting) < 3:
            await asyncio.sleep(0)
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader

    asyncio.run(main())
    assert sorted(gate.cleaned) == [0, 1, 2]
