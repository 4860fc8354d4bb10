"""Plain functions that follow each other at once are what they would be one by one."""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import logging
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from agent_runtime import ReferenceValueError, RunFinished, RunResult, Runtime
from tests.helpers.children import run_child

LIMIT = 10.0

AnyFunction = Callable[..., Any]


def chain(count: int, **functions: AnyFunction) -> Runtime:
    """Steps s0, s1, ... of the function f, each given its number and the output of the one before."""
    lines = ["name: chained", "steps:", "  - {id: s0, function: f, with: {n: 0, before: null}}"]
    lines += [
        f'  - {{id: s{n}, function: f, with: {{n: {n}, before: "${{steps.s{n - 1}.output}}"}}}}'
        for n in range(1, count)
    ]
    return Runtime("\n".join(lines) + "\n", functions=functions)


def streamed(runtime: Runtime) -> RunResult:
    """Run it step by step, with an event for each."""
    (result,) = [event.result for event in runtime.stream() if isinstance(event, RunFinished)]
    return result


WAYS = pytest.mark.parametrize(
    "way",
    [
        pytest.param(lambda runtime: runtime.run(), id="sync"),
        pytest.param(lambda runtime: asyncio.run(runtime.run_async()), id="async"),
        pytest.param(streamed, id="one_by_one"),
    ],
)
Way = Callable[[Runtime], RunResult]


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
def test_each_step_has_its_own_copy_of_the_context(way: Way) -> None:
    seen: contextvars.ContextVar[object] = contextvars.ContextVar("seen", default="nothing")

    def f(n: int, before: object) -> object:
        found = seen.get()
        seen.set(n)
        return found

    seen.set("the caller's")
    assert set(way(chain(20, f=f)).outputs.values()) == {"the caller's"}
    assert seen.get() == "the caller's"


@WAYS
def test_failure_is_that_of_its_own_step_and_nothing_follows(way: Way) -> None:
    error, done = ValueError("seventh"), []

    def f(n: int, before: object) -> None:
        if n == 7:
            raise error
        done.append(n)

    with pytest.raises(ValueError, match="seventh") as caught:
        way(chain(20, f=f))

    assert caught.value is error
    assert caught.value.__context__ is None
    assert caught.traceback[-1].name == "f"
    assert done == list(range(7))


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


def test_no_step_begins_once_another_one_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent_runtime.engine.chains.TURN", LIMIT)
    stopped, went_on = threading.Event(), threading.Event()
    begun: list[int] = []
    error = ValueError("other branch")

    async def fail() -> None:
        while not begun:
            await asyncio.sleep(0)
        # Two rounds of the loop from now the run is being stopped, and the chain has not been told.
        asyncio.get_running_loop().call_soon(asyncio.get_running_loop().call_soon, hold_the_loop)
        raise error

    def hold_the_loop() -> None:
        stopped.set()
        went_on.wait(0.3)

    def f(n: int, before: object) -> None:
        begun.append(n)
        if n == 1:
            went_on.set()
        assert stopped.wait(LIMIT)

    runtime = Runtime(
        """
        steps:
          - {id: other, tool: fail}
          - {id: a, function: f, with: {n: 0, before: null}}
          - {id: b, function: f, with: {n: 1, before: "${steps.a.output}"}}
        """,
        functions={"f": f},
        tools={"fail": fail},
    )
    with pytest.raises(ValueError, match="other branch") as caught:
        runtime.run()

    assert caught.value is error
    assert begun == [0]


def test_time_limit_ends_a_chain_between_two_steps() -> None:
    begun = []

    def f(n: int, before: object) -> None:
        begun.append(n)
        time.sleep(0.001)

    with pytest.raises(TimeoutError):
        chain(3_000, f=f).run(timeout=0.2)

    assert 0 < len(begun) < 1_500


def test_step_that_goes_on_after_its_cancellation_is_reported_by_its_own_name(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent_runtime.steps.overrun.WORTH_SAYING", 0.01)

    def f(n: int, before: object) -> None:
        if n == 3:
            time.sleep(0.4)

    with caplog.at_level(logging.WARNING), pytest.raises(TimeoutError):
        chain(6, f=f).run(timeout=0.1)

    assert "step 's3' went on for" in caplog.text


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


def test_ctrl_c_in_a_chain_ends_the_run_at_once() -> None:
    child = run_child(
        """
        import os, signal
        from agent_runtime import Runtime

        def f(n, before):
            print(n, flush=True)
            if n == 4:
                os.kill(os.getpid(), signal.SIGINT)

        signal.signal(signal.SIGINT, signal.default_int_handler)
        lines = ["steps:", "  - {id: s0, function: f, with: {n: 0, before: null}}"]
        lines += [
            f'  - {{id: s{n}, function: f, with: {{n: {n}, before: "${{steps.s{n - 1}.output}}"}}}}'
            for n in range(1, 50)
        ]
        try:
            Runtime("\\n".join(lines) + "\\n", functions={"f": f}).run()
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        """
    ).check()

    assert child.lines == ["0", "1", "2", "3", "4", "interrupted"]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_forked_child_does_not_go_on_with_the_chain() -> None:
    child = run_child(
        """
        import os
        from agent_runtime import ForkedCallError, Runtime
        from agent_runtime.engine import chains

        chains.TURN = 20.0
        parent = os.getpid()

        def f(n, before):
            if n == 1:
                child = os.fork()
                if child:
                    assert os.waitpid(child, 0)[1] == 0
            elif os.getpid() != parent:
                print("went on", flush=True)

        lines = ["steps:", "  - {id: s0, function: f, with: {n: 0, before: null}}"]
        lines += [
            f'  - {{id: s{n}, function: f, with: {{n: {n}, before: "${{steps.s{n - 1}.output}}"}}}}'
            for n in range(1, 5)
        ]
        try:
            Runtime("\\n".join(lines) + "\\n", functions={"f": f}).run()
        except ForkedCallError:
            print("refused", flush=True)
            os._exit(0)
        print("done", flush=True)
        """,
        options=("-W", "ignore:This process:DeprecationWarning"),
    ).check()

    assert child.lines == ["refused", "done"]
