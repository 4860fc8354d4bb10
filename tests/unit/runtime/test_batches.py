"""Plain functions that are ready together, or follow each other, are what they would be one by one."""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import threading
import time
from collections.abc import Callable

import pytest

from agent_runtime import ReferenceValueError, RunResult, Runtime
from tests.helpers.batches import SHAPES, WAYS, Shape, Way, chain, fan_out

LIMIT = 10.0


@WAYS
def test_each_step_has_its_output_and_its_own_record(way: Way) -> None:
    threads = set()

    def f(n: int, before: int | None) -> int:
        threads.add(threading.get_ident())
        return n + (before or 0)

    result = way(chain(300, f=f))

    assert result.outputs == {f"s{n}": n * (n + 1) // 2 for n in range(300)}
    records = list(result.steps.values())
    assert [record.id for record in records] == [f"s{n}" for n in range(300)]
    assert {record.attempts for record in records} == {1}
    assert len({record.thread for record in records}) == len(threads) == 1
    assert all(one.started <= one.ended <= other.ended for one, other in itertools.pairwise(records))


@WAYS
def test_steps_that_are_ready_together_begin_in_the_order_of_the_file(way: Way) -> None:
    begun: list[int] = []

    def f(n: int, before: None) -> int:
        begun.append(n)
        return -n

    result = way(fan_out(300, f=f))

    assert begun == list(range(300))
    assert result.outputs == {f"s{n}": -n for n in range(300)}
    records = list(result.steps.values())
    assert [record.id for record in records] == [f"s{n}" for n in range(300)]
    assert all(one.ended <= other.ended for one, other in itertools.pairwise(records))


@SHAPES
@WAYS
def test_each_step_has_its_own_copy_of_the_context(way: Way, shape: Shape) -> None:
    seen: contextvars.ContextVar[object] = contextvars.ContextVar("seen", default="nothing")

    def f(n: int, before: object) -> object:
        found = seen.get()
        seen.set(n)
        return found

    seen.set("the caller's")
    assert set(way(shape(20, f=f)).outputs.values()) == {"the caller's"}
    assert seen.get() == "the caller's"


@WAYS
def test_reference_that_leads_nowhere_is_the_failure_of_the_step_it_stands_in(way: Way) -> None:
    runtime = Runtime(
        """
        steps:
          - {id: a, function: f}
          - {id: b, function: g, with: {value: "${steps.a.output.missing}"}}
        """,
        functions={"f": lambda: {"there": 1}, "g": lambda value: value},
    )

    with pytest.raises(ReferenceValueError, match="step 'b'") as caught:
        way(runtime)

    assert caught.value.step == "b"


@WAYS
def test_what_waits_for_a_step_starts_while_the_next_function_still_runs(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent_runtime.engine.batches.TURN", LIMIT)
    has_run = threading.Event()

    async def after() -> None:
        has_run.set()

    runtime = Runtime(
        """
        steps:
          - {id: short, function: short}
          - {id: long, function: long}
          - {id: after, tool: after, needs: short}
        """,
        functions={"short": lambda: None, "long": lambda: has_run.wait(LIMIT)},
        tools={"after": after},
    )

    assert way(runtime).outputs["long"] is True


@WAYS
def test_many_steps_may_wait_for_many(way: Way) -> None:
    layers, width = 6, 20
    lines = ["steps:"]
    for layer in range(layers):
        needs = ", ".join(f"s{layer - 1}_{n}" for n in range(width)) if layer else ""
        lines += [
            f"  - {{id: s{layer}_{n}, {'function' if n % 5 else 'tool'}: f, needs: [{needs}]}}"
            for n in range(width)
        ]
    count = itertools.count()

    result = way(
        Runtime("\n".join([*lines, ""]), functions={"f": lambda: next(count)}, tools={"f": later_one})
    )

    assert len(result.steps) == layers * width
    for layer in range(1, layers):
        before = max(result.steps[f"s{layer - 1}_{n}"].ended for n in range(width))
        assert all(before <= result.steps[f"s{layer}_{n}"].started for n in range(width))


async def later_one() -> None:
    await asyncio.sleep(0)


@WAYS
def test_what_functions_return_is_awaited_at_the_same_time(way: Way) -> None:
    here = 0

    async def meet() -> int:
        nonlocal here
        here += 1
        async with asyncio.timeout(LIMIT):
            while here < 20:
                await asyncio.sleep(0)
        return here

    assert set(way(fan_out(20, f=lambda n, before: meet())).outputs.values()) == {20}


@WAYS
def test_what_a_function_returns_may_be_awaitable(way: Way) -> None:
    async def doubled(n: int) -> int:
        await asyncio.sleep(0)
        return 2 * n

    result = way(chain(10, f=lambda n, before: doubled(n) if n % 3 == 0 else before))

    assert list(result.outputs.values()) == [0, 0, 0, 6, 6, 6, 12, 12, 12, 18]


@WAYS
def test_chains_meet_part_and_stand_inside_blocks(way: Way) -> None:
    runtime = Runtime(
        """
        steps:
          - {id: a, function: one}
          - {id: b, function: add, with: {x: "${steps.a.output}", y: 1}}
          - {id: left, function: add, with: {x: "${steps.b.output}", y: 10}}
          - {id: right, function: add, with: {x: "${steps.b.output}", y: 20}, thread: worker}
          - {id: both, function: add, with: {x: "${steps.left.output}", y: "${steps.right.output}"}}
          - id: block
            steps:
              - {id: c, function: add, with: {x: "${steps.both.output}", y: 1}}
              - {id: d, function: add, with: {x: "${steps.c.output}", y: 1}}
              - {id: e, tool: later, with: {x: "${steps.d.output}"}}
              - {id: f, function: add, with: {x: "${steps.e.output}", y: 1}}
              - {id: g, function: add, with: {x: "${steps.f.output}", y: 1}, when: "${steps.f.output > 0}"}
        """,
        functions={"one": lambda: 1, "add": lambda x, y: x + y},
        tools={"later": _later},
    )

    assert way(runtime).outputs["block"] == {"c": 35, "d": 36, "e": 36, "f": 37, "g": 38}


async def _later(x: int) -> int:
    await asyncio.sleep(0)
    return x


def test_other_functions_get_their_turn_before_a_long_chain_has_ended() -> None:
    order: list[object] = []

    def f(n: int, before: object) -> None:
        order.append(n)
        time.sleep(0.002)

    lines = [f"  - {{id: s{n}, function: f, with: {{n: {n}, before: {_before(n)}}}}}" for n in range(50)]
    text = "\n".join(["steps:", *lines, "  - {id: other, function: other}\n"])
    Runtime(text, functions={"f": f, "other": lambda: order.append("other")}).run()

    assert order.index("other") < 25


def _before(n: int) -> str:
    return f'"${{steps.s{n - 1}.output}}"' if n else "null"


EACH = """
inputs: {numbers: {type: array}}
steps:
  - id: all
    function: f
    with: {n: "${item}"}
    for_each: {in: "${inputs.numbers}", concurrency: 3}
"""

EACH_WAY = pytest.mark.parametrize(
    "run_each",
    [
        pytest.param(lambda runtime, numbers: runtime.run({"numbers": numbers}), id="sync"),
        pytest.param(
            lambda runtime, numbers: asyncio.run(runtime.run_async({"numbers": numbers})), id="async"
        ),
    ],
)
EachWay = Callable[[Runtime, list[int]], RunResult]


@EACH_WAY
def test_function_is_called_for_one_item_after_another_each_with_its_own_context(run_each: EachWay) -> None:
    seen: contextvars.ContextVar[object] = contextvars.ContextVar("seen", default="nothing")
    called: list[int] = []

    def f(n: int) -> object:
        called.append(n)
        found = seen.get()
        seen.set(n)
        return found, -n

    result = run_each(Runtime(EACH, functions={"f": f}), list(range(300)))

    assert result.outputs["all"] == [("nothing", -n) for n in range(300)]
    assert called == list(range(300))
    assert result.steps["all"].attempts == 300


@EACH_WAY
def test_item_that_fails_is_the_last_one_that_the_function_is_called_for(run_each: EachWay) -> None:
    error, called = ValueError("seventh"), []

    def f(n: int) -> None:
        called.append(n)
        if n == 7:
            raise error

    with pytest.raises(ValueError, match="seventh") as caught:
        run_each(Runtime(EACH, functions={"f": f}), list(range(30)))

    assert caught.value is error
    assert called == list(range(8))


@EACH_WAY
def test_no_more_is_awaited_at_once_than_a_list_allows(run_each: EachWay) -> None:
    here, most = 0, 0

    async def wait(n: int) -> int:
        nonlocal here, most
        here += 1
        most = max(most, here)
        async with asyncio.timeout(LIMIT):
            while most < 3:
                await asyncio.sleep(0)
        await asyncio.sleep(0.005)
        here -= 1
        return n

    result = run_each(Runtime(EACH, functions={"f": lambda n: wait(n) if n % 4 else n}), list(range(100)))

    assert result.outputs["all"] == list(range(100))
    assert most == 3


def test_list_may_be_empty() -> None:
    assert Runtime(EACH, functions={"f": lambda n: n}).run({"numbers": []}).outputs == {"all": []}
