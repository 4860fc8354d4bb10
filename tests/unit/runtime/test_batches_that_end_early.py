"""A failure, a cancellation, Ctrl-C and a fork come between two functions of a batch."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time

import pytest

from agent_runtime import Runtime
from tests.helpers.batches import SHAPES, WAYS, Shape, Way
from tests.helpers.children import run_child

LIMIT = 10.0


@SHAPES
@WAYS
def test_failure_is_that_of_its_own_step_and_nothing_follows(way: Way, shape: Shape) -> None:
    error, done = ValueError("seventh"), []

    def f(n: int, before: object) -> None:
        if n == 7:
            raise error
        done.append(n)

    with pytest.raises(ValueError, match="seventh") as caught:
        way(shape(20, f=f))

    assert caught.value is error
    assert caught.value.__context__ is None
    assert caught.traceback[-1].name == "f"
    assert done == list(range(7))


@pytest.mark.parametrize(
    "before", [pytest.param('"${steps.a.output}"', id="chain"), pytest.param("null", id="fan_out")]
)
def test_no_step_begins_once_another_one_has_failed(monkeypatch: pytest.MonkeyPatch, before: str) -> None:
    monkeypatch.setattr("agent_runtime.engine.batches.TURN", LIMIT)
    stopped, went_on = threading.Event(), threading.Event()
    begun: list[int] = []
    error = ValueError("other branch")

    async def fail() -> None:
        while not begun:
            await asyncio.sleep(0)
        # When the loop goes on, the run is being stopped, and the batch has not been told.
        asyncio.get_running_loop().call_soon(hold_the_loop)
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
        f"""
        steps:
          - {{id: other, tool: fail}}
          - {{id: a, function: f, with: {{n: 0, before: null}}}}
          - {{id: b, function: f, with: {{n: 1, before: {before}}}}}
        """,
        functions={"f": f},
        tools={"fail": fail},
    )
    with pytest.raises(ValueError, match="other branch") as caught:
        runtime.run()

    assert caught.value is error
    assert begun == [0]


@SHAPES
def test_time_limit_ends_a_batch_between_two_steps(shape: Shape) -> None:
    begun = []

    def f(n: int, before: object) -> None:
        begun.append(n)
        time.sleep(0.01)

    with pytest.raises(TimeoutError):
        shape(300, f=f).run(timeout=1)

    assert 0 < len(begun) < 150


@SHAPES
def test_step_that_goes_on_after_its_cancellation_is_reported_by_its_own_name(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, shape: Shape
) -> None:
    monkeypatch.setattr("agent_runtime.engine.steps.ignored_cancellation.WORTH_SAYING", 0.01)

    def f(n: int, before: object) -> None:
        if n == 3:
            time.sleep(0.4)

    with caplog.at_level(logging.WARNING), pytest.raises(TimeoutError):
        shape(6, f=f).run(timeout=0.1)

    assert "step 's3' went on for" in caplog.text


def test_ctrl_c_in_a_batch_ends_the_run_at_once() -> None:
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
        from agent_runtime.engine import batches

        batches.TURN = 20.0
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


def test_function_is_called_for_no_more_items_once_what_it_has_returned_for_one_has_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("agent_runtime.engine.batches.TURN", LIMIT)
    stopped, went_on = threading.Event(), threading.Event()
    called: list[int] = []

    async def fail() -> None:
        while 1 not in called:
            await asyncio.sleep(0)
        asyncio.get_running_loop().call_soon(hold_the_loop)
        raise ValueError("refused")

    def hold_the_loop() -> None:
        stopped.set()
        went_on.wait(0.3)

    def f(n: int) -> object:
        called.append(n)
        if n == 2:
            went_on.set()
        if n == 1:
            assert stopped.wait(LIMIT)
        return fail() if n == 0 else None

    text = """
steps:
  - {id: all, function: f, with: {n: "${item}"}, for_each: {in: [0, 1, 2], concurrency: 3}}
"""
    with pytest.raises(ValueError, match="refused"):
        Runtime(text, functions={"f": f}).run()

    assert called == [0, 1]
