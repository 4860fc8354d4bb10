"""A step with `repeat` is done again and again, one time after the other, and never beyond its bound."""

from __future__ import annotations

import asyncio

import pytest

from agent_runtime import (
    RepeatLimitError,
    RunResult,
    Runtime,
    StepEvent,
    StepState,
    run_workflow,
)


class OwnError(Exception):
    pass


def run(repeat: str, **more: object) -> tuple[RunResult, list[tuple[object, int]]]:
    """Run a step that counts; return the result, and what it was given each time."""
    given: list[tuple[object, int]] = []

    async def count(before: object, index: int) -> int:
        given.append((before, index))
        return len(given)

    text = f'steps:\n  - {{id: a, tool: t, with: {{before: "${{output}}", index: "${{index}}"}}, {repeat}}}\n'
    return run_workflow(text, tools={"t": count}), given


def test_step_is_repeated_until_its_condition_is_true_and_has_the_last_output() -> None:
    result, given = run('repeat: {until: "${output >= 3}", max: 10}')

    assert result.outputs == {"a": 3}
    assert given == [(None, 0), (1, 1), (2, 2)]
    assert result.steps["a"].attempts == 3


def test_step_is_repeated_while_its_condition_is_true() -> None:
    result, given = run('repeat: {while: "${index < 2}", max: 10}')

    assert result.outputs == {"a": 2}
    assert len(given) == 2


def test_step_whose_condition_is_false_at_once_is_never_done() -> None:
    result, given = run("repeat: {while: false, max: 10}")

    assert result.outputs == {"a": None}
    assert result.steps["a"].state is StepState.SUCCEEDED
    assert given == []


def test_step_without_condition_is_done_as_often_as_it_says() -> None:
    result, given = run("repeat: {max: 4}")

    assert result.outputs == {"a": 4}
    assert len(given) == 4


@pytest.mark.parametrize(
    ("condition", "word"),
    [
        pytest.param("until: false", "until", id="until"),
        pytest.param("while: true", "while", id="while"),
    ],
)
def test_step_whose_bound_is_passed_fails(condition: str, word: str) -> None:
    with pytest.raises(
        RepeatLimitError, match=f"step 'a' was done 3 times, which is its 'max', and its '{word}'"
    ):
        run(f"repeat: {{{condition}, max: 3}}")


def test_step_whose_condition_comes_true_the_last_time_has_not_passed_its_bound() -> None:
    assert run('repeat: {until: "${output == 3}", max: 3}')[0].outputs == {"a": 3}


def test_step_that_says_so_ends_at_its_bound_with_its_last_output() -> None:
    assert run("repeat: {until: false, max: 3, at_max: end}")[0].outputs == {"a": 3}


def test_passed_bound_is_a_failure_that_can_be_dealt_with() -> None:
    result, _ = run("repeat: {until: false, max: 3}, on_error: continue")

    assert result.steps["a"].state is StepState.FAILED
    assert result.steps["a"].faults[0].error_type == "RepeatLimitError"


def test_time_is_left_between_two_times() -> None:
    async def main() -> list[float]:
        loop, times = asyncio.get_running_loop(), []

        async def note() -> None:
            times.append(loop.time())

        text = "steps: [{id: a, tool: note, repeat: {max: 3, delay: 0.02}}]\n"
        await Runtime(text, tools={"note": note}).run_async()
        return times

    first, second, third = asyncio.run(main())

    assert second - first >= 0.019
    assert third - second >= 0.019


def test_attempts_are_those_of_each_time() -> None:
    tries: list[int] = []

    def every_other() -> int:
        tries.append(1)
        if len(tries) % 2:
            raise OwnError
        return len(tries)

    text = "steps: [{id: a, tool: t, repeat: {max: 3}, retry: {attempts: 2}}]\n"

    assert run_workflow(text, tools={"t": every_other}).outputs == {"a": 6}


def test_failing_time_ends_the_step() -> None:
    error = OwnError()

    def fail() -> None:
        raise error

    with pytest.raises(OwnError) as caught:
        run_workflow("steps: [{id: a, tool: t, repeat: {max: 3}}]\n", tools={"t": fail})

    assert caught.value is error


def test_several_steps_are_repeated_together() -> None:
    text = """
steps:
  - id: refine
    repeat: {until: "${output.review.ok}", max: 5}
    steps:
      - {id: draft, tool: draft, with: {before: "${output.draft or ''}"}}
      - {id: review, tool: review, with: {draft: "${steps.draft.output}"}}
outputs: {draft: "${steps.refine.output.draft}"}
"""
    tools = {"draft": lambda before: before + "x", "review": lambda draft: {"ok": len(draft) == 3}}

    assert run_workflow(text, tools=tools).outputs == {"draft": "xxx"}


def test_stream_tells_each_time() -> None:
    events = Runtime("steps: [{id: a, tool: t, repeat: {max: 2}}]\n", tools={"t": lambda: 1}).stream()

    assert [(type(event).__name__, event.step) for event in events if isinstance(event, StepEvent)] == [
        ("StepStarted", "a"),
        ("StepStarted", "a[0]"),
        ("StepFinished", "a[0]"),
        ("StepStarted", "a[1]"),
        ("StepFinished", "a[1]"),
        ("StepFinished", "a"),
    ]


def test_ten_thousand_times_leave_nothing_behind_but_the_last_output() -> None:
    result, given = run("repeat: {max: 10000}")

    assert len(given) == 10_000
    assert result.outputs == {"a": 10_000}
