"""How a map ends: by a failure, by its reader, by Ctrl-C, with its runtime, its pool or the process."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from agent_runtime import (
    ExecutorBrokenError,
    RuntimeClosedError,
    WorkflowError,
)
from tests.helpers.children import run_child
from tests.helpers.maps import ONE_STEP, Gate, numbers, of_function, of_tool

LIMIT = 10.0


def test_first_failure_comes_out_itself_when_the_runs_before_it_have_been_given() -> None:
    gate, error = Gate(), ValueError("third")

    async def tool(n: int) -> int:
        if n == 2:
            raise error
        if n < 2:
            await asyncio.sleep(0.02)
            return n
        return int(await gate(n))

    given: list[object] = []
    with pytest.raises(ValueError, match="third") as caught:
        given.extend(run.outputs["step"] for run in of_tool(tool).map(numbers(1_000), concurrency=6))

    assert caught.value is error
    assert given == [0, 1]
    assert set(gate.begun) <= {3, 4, 5}
    assert sorted(gate.cleaned) == sorted(gate.begun)


def test_failed_runs_are_given_like_others_when_they_are_collected() -> None:
    def function(n: int) -> int:
        if n % 3 == 0:
            raise ValueError(n)
        return n

    runs = list(of_function(function).map(numbers(7), on_error="collect"))

    assert [run.error is not None for run in runs] == [n % 3 == 0 for n in range(7)]
    assert [run.result is None for run in runs] == [n % 3 == 0 for n in range(7)]
    with pytest.raises(ValueError, match="3"):
        runs[3].outputs  # noqa: B018


def test_wrong_inputs_of_one_run_are_its_own_failure() -> None:
    inputs: list[Any] = [{"n": 1}, {"n": "one"}, {}, 5, {"n": 2}]

    runs = list(of_function(lambda n: n).map(inputs, on_error="collect"))

    assert [type(run.error) for run in runs] == [
        type(None),
        WorkflowError,
        WorkflowError,
        TypeError,
        type(None),
    ]


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError("own")])
def test_what_is_no_exception_is_raised_even_when_failures_are_collected(error: BaseException) -> None:
    def function(n: int) -> int:
        if n == 3:
            raise error
        return n

    given: list[object] = []
    with pytest.raises(type(error)) as caught:
        given.extend(run.index for run in of_function(function).map(numbers(10), on_error="collect"))

    assert caught.value is error
    assert given == [0, 1, 2]


def test_failed_run_is_freed_without_the_collector() -> None:
    class Own(Exception):
        pass

    def function(n: int) -> int:
        raise Own(n)

    runtime = of_function(function)
    gc.collect()
    gc.disable()
    try:
        refs = [weakref.ref(run.error) for run in runtime.map(numbers(3), on_error="collect") if run.error]
        assert len(refs) == 3
        assert [ref() for ref in refs] == [None] * 3
        with pytest.raises(Own) as caught:
            list(runtime.map(numbers(3)))
        ref = weakref.ref(caught.value)
        del caught
        assert ref() is None
    finally:
        gc.enable()


def test_exception_of_the_inputs_comes_out_when_what_had_begun_has_been_given() -> None:
    error = OSError("no more lines")

    def inputs() -> Iterator[dict[str, object]]:
        yield from numbers(5)
        raise error

    async def tool(n: int) -> int:
        await asyncio.sleep(0.01)
        return n

    given: list[object] = []
    with pytest.raises(OSError, match="no more lines") as caught:
        given.extend(run.index for run in of_tool(tool).map(inputs(), on_error="collect"))

    assert caught.value is error
    assert given == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("ordered", [True, False])
def test_leaving_the_loop_cancels_the_runs_and_waits_for_their_cleanup(*, ordered: bool) -> None:
    gate = Gate()

    async def tool(n: int) -> int:
        while n == 0 and len(gate.waiting) < 4:
            await asyncio.sleep(0)
        return n if n == 0 else int(await gate(n))

    with contextlib.closing(of_tool(tool).map(numbers(100), concurrency=5, ordered=ordered)) as runs:
        assert next(runs).index == 0

    assert gate.begun
    assert sorted(gate.cleaned) == sorted(gate.begun)


def test_runs_of_a_runtime_that_is_closed_meanwhile_are_cancelled_and_not_collected() -> None:
    gate = Gate()
    runtime = of_tool(gate)

    def close_soon(n: int) -> Iterator[dict[str, object]]:
        yield from numbers(n)
        runtime.close()

    with pytest.raises(RuntimeClosedError):
        list(runtime.map(close_soon(3), on_error="collect"))

    assert sorted(gate.cleaned) == sorted(gate.begun)
    with pytest.raises(RuntimeClosedError):
        runtime.map([])


def test_pool_that_takes_no_more_work_says_what_is_lost() -> None:
    pool = ThreadPoolExecutor(1)
    given: list[object] = []

    def inputs() -> Iterator[dict[str, object]]:
        yield from numbers(3)
        while len(given) < 3:  # the reader has them: nothing is in progress
            yield {"n": 3 + len(given)}
        pool.shutdown(wait=False)
        yield {"n": 99}

    with pytest.raises(ExecutorBrokenError) as caught:
        given.extend(
            run.index for run in of_function(lambda n: n).map(inputs(), executor=pool, concurrency=1)
        )

    assert given == list(range(len(given)))
    assert len(given) >= 3
    assert caught.value.lost == (len(given),)
    assert isinstance(caught.value.__cause__, RuntimeError)


@pytest.mark.parametrize("executor", ["None", "ThreadPoolExecutor(2)"])
def test_ctrl_c_cancels_the_runs_and_waits_for_their_cleanup(executor: str) -> None:
    child = run_child(
        f"""
        import asyncio, os, signal
        from concurrent.futures import ThreadPoolExecutor
        from agent_runtime import Runtime

        async def tool(n):
            if n == 1:
                os.kill(os.getpid(), signal.SIGINT)
            try:
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(0.01)
                print("cleaned", n, flush=True)

        signal.signal(signal.SIGINT, signal.default_int_handler)
        runtime = Runtime({ONE_STEP.format(kind="tool")!r}, tools={{"f": tool}})
        try:
            list(runtime.map(({{"n": n}} for n in range(100)), executor={executor}, concurrency=2))
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        """
    ).check()

    assert sorted(child.lines[:2]) == ["cleaned 0", "cleaned 1"]
    assert child.lines[2:] == ["interrupted"]


@pytest.mark.parametrize("executor", ["None", "ThreadPoolExecutor(2)"])
def test_process_ends_by_itself_while_a_map_is_half_read(executor: str) -> None:
    run_child(
        f"""
        from agent_runtime import Runtime
        runtime = Runtime({ONE_STEP.format(kind="function")!r}, functions={{"f": lambda n: n}})
        runtime.run({{"n": 0}})  # the bridge's exit hook is older than that of the pools
        from concurrent.futures import ThreadPoolExecutor
        runs = runtime.map(({{"n": n}} for n in range(100)), executor={executor}, concurrency=4)
        next(runs)
        """
    ).check()
