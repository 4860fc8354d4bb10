"""A step asks, the run waits without anybody waiting in it, and goes on when somebody has decided."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from agent_runtime import (
    ApprovalRejectedError,
    DecisionError,
    Options,
    Question,
    RunCancelledError,
    RunFinished,
    RunNotFoundError,
    RunStatus,
    Runtime,
    SQLiteStorage,
    StepState,
    StepWaiting,
    Storage,
    WorkflowError,
    load_workflow,
    run_workflow,
)
from agent_runtime.storage import RunState
from tests.helpers.counting import Counter, state_of

ASK = """
name: ask
inputs: {n: integer}
steps:
  - {id: before, tool: count, with: {value: "${inputs.n}"}, compensate: {tool: count, with: {value: undone}}}
  - {id: ok, approval: "Spend ${steps.before.output}?"}
  - {id: beside, tool: count, with: {value: 20}}
  - {id: after, tool: count, needs: ok, with: {value: 30}}
"""


def test_a_run_waits_and_goes_on_when_it_is_approved(storage: Storage, count: Counter) -> None:
    runtime = Runtime(ASK, tools={"count": count}, storage=storage)

    waiting = runtime.run({"n": 1}, run_id="r")
    state, calls = state_of(storage, "r"), sorted(map(str, count.calls))
    runtime.approve("r", "ok", by="Ada", comment="fine")
    result = runtime.resume("r")

    assert (waiting.status, waiting.outputs, state) == (RunStatus.WAITING, {}, RunState.WAITING)
    assert waiting.waiting == {"ok": Question("Spend 2?", ("approve", "reject"))}
    assert sorted(waiting.steps) == ["before", "beside"]
    assert calls == ["1", "20"]
    assert (result.status, result.waiting) == (RunStatus.SUCCEEDED, {})
    assert result.outputs["after"] == 31
    decided = result.outputs["ok"]
    assert isinstance(decided, dict)
    assert (decided["decision"], decided["by"], decided["comment"]) == ("approve", "Ada", "fine")
    assert sorted(map(str, count.calls)) == ["1", "20", "30"]


def test_another_process_may_approve_and_resume(tmp_path: object, count: Counter) -> None:
    path = f"{tmp_path}/runs.db"
    with SQLiteStorage(path) as first:
        run_workflow(ASK, inputs={"n": 1}, tools={"count": count}, storage=first, run_id="r")

    async def main() -> object:
        with SQLiteStorage(path) as second:
            runtime = Runtime(ASK, tools={"count": count}, storage=second)
            assert [run.id for run in second.runs(RunState.WAITING)] == ["r"]
            await runtime.approve_async("r", "ok")
            return (await runtime.resume_async("r")).outputs["after"]

    assert asyncio.run(main()) == 31


def test_a_rejected_step_fails_and_the_run_is_undone(storage: Storage, count: Counter) -> None:
    runtime = Runtime(ASK, tools={"count": count}, storage=storage)
    runtime.run({"n": 1}, run_id="r")
    runtime.approve("r", "ok", decision="reject", by="Ada", comment="too much")

    with pytest.raises(ApprovalRejectedError, match="step 'ok' was rejected by Ada: too much"):
        runtime.resume("r")

    assert count.calls[-1] == "undone"
    assert state_of(storage, "r") is RunState.FAILED


def test_a_rejection_can_be_dealt_with_like_any_failure(storage: Storage, count: Counter) -> None:
    text = ASK.replace('?"}', '?", fallback: {tool: count, with: {value: "${error.message}"}}}')
    runtime = Runtime(text, tools={"count": count}, storage=storage)
    runtime.run({"n": 1}, run_id="r")
    runtime.approve("r", "ok", decision="reject")

    result = runtime.resume("r")

    assert result.steps["ok"].state is StepState.RECOVERED
    assert result.outputs["ok"] == "step 'ok' was rejected"


def test_a_step_may_offer_other_decisions(storage: Storage, count: Counter) -> None:
    text = """
    steps:
      - {id: ok, approval: {message: How?, options: [ship, hold]}}
      - {id: ship, when: "${steps.ok.output.decision == 'ship'}", tool: count, with: {value: 1}}
      - {id: hold, when: "${steps.ok.output.decision == 'hold'}", tool: count, with: {value: 2}}
    """
    runtime = Runtime(text, tools={"count": count}, storage=storage)
    waiting = runtime.run(run_id="r").waiting
    with pytest.raises(DecisionError, match="takes 'ship' or 'hold', not 'approve'"):
        runtime.approve("r", "ok")
    runtime.approve("r", "ok", decision="hold")

    result = runtime.resume("r")

    assert waiting == {"ok": Question("How?", ("ship", "hold"))}
    assert (result.outputs["ship"], result.outputs["hold"]) == (None, 3)


def test_the_first_decision_stays(storage: Storage, count: Counter) -> None:
    runtime = Runtime(ASK, tools={"count": count}, storage=storage)
    runtime.run({"n": 1}, run_id="r")
    runtime.approve("r", "ok", by="Ada")
    runtime.approve("r", "ok", by="Bob")

    with pytest.raises(DecisionError, match="was decided on before by Ada: 'approve'"):
        runtime.approve("r", "ok", decision="reject")


def test_a_decision_on_what_does_not_wait_is_refused(storage: Storage, count: Counter) -> None:
    runtime = Runtime(ASK, tools={"count": count}, storage=storage)
    runtime.run({"n": 1}, run_id="r")

    with pytest.raises(DecisionError, match="step 'before' does not wait for a decision; 'ok' does"):
        runtime.approve("r", "before")
    with pytest.raises(RunNotFoundError):
        runtime.approve("x", "ok")
    runtime.approve("r", "ok")
    runtime.resume("r")
    with pytest.raises(DecisionError, match="no step does, the run is succeeded"):
        runtime.approve("r", "ok")


def test_a_run_that_is_resumed_too_early_waits_on(storage: Storage, count: Counter) -> None:
    runtime = Runtime(ASK, tools={"count": count}, storage=storage)
    first = runtime.run({"n": 1}, idempotency_key="k")

    again = runtime.run({"n": 1}, idempotency_key="k")

    assert again == first
    assert len(count.calls) == 2


def test_a_run_that_waits_can_be_cancelled_and_is_undone(storage: Storage, count: Counter) -> None:
    runtime = Runtime(ASK, tools={"count": count}, storage=storage)
    runtime.run({"n": 1}, run_id="r")

    assert runtime.cancel("r")

    assert count.calls[-1] == "undone"
    with pytest.raises(RunCancelledError):
        runtime.resume("r")


NESTED = {
    "a_block": (
        "{id: x, steps: [{id: ok, approval: Go}, {id: beside, tool: count, with: {value: 1}}]}",
        "x.ok",
    ),
    "parallel_with_little_room": (
        "{id: x, concurrency: 1, parallel: [{id: ok, approval: Go}, {id: b, tool: count, with: {value: 1}}]}",
        "x.ok",
    ),
    "each_item": ("{id: x, for_each: [1, 2], approval: Go}", "x[0] x[1]"),
    "one_item_after_the_other": (
        "{id: x, for_each: {in: [1, 2], concurrency: 1}, approval: Go}",
        "x[0] x[1]",
    ),
    "a_repetition": ("{id: x, repeat: {max: 2}, approval: Go}", "x[0]"),
    "a_fallback": ("{id: x, tool: fail, fallback: {approval: Go}}", "x:fallback"),
    "a_failure_that_is_no_matter": ("{id: x, on_error: continue, retry: {attempts: 3}, approval: Go}", "x"),
}


@pytest.mark.parametrize("name", NESTED)
def test_steps_inside_steps_wait_by_their_own_names(storage: Storage, count: Counter, name: str) -> None:
    step, expected = NESTED[name]

    async def fail() -> None:
        raise OSError

    tools: dict[str, Callable[..., object]] = {"count": count, "fail": fail}
    runtime = Runtime(f"steps:\n  - {step}\n", tools=tools, storage=storage)
    result = runtime.run(run_id="r")
    rounds = [" ".join(result.waiting)]
    while result.status is RunStatus.WAITING:
        for path in result.waiting:
            runtime.approve("r", path)
        result = runtime.resume("r")
        rounds.append(" ".join(result.waiting))

    assert rounds[0] == expected
    assert rounds[-1] == ""
    assert count.calls in ([], [1])
    assert result.steps["x"].state in (StepState.SUCCEEDED, StepState.RECOVERED)


def test_a_stream_tells_of_the_question(storage: Storage, count: Counter) -> None:
    runtime = Runtime(ASK, tools={"count": count}, storage=storage)

    events = list(runtime.stream({"n": 1}, run_id="r"))

    (asked,) = [event for event in events if isinstance(event, StepWaiting)]
    assert (asked.step, asked.message, asked.options) == ("ok", "Spend 2?", ("approve", "reject"))
    assert isinstance(events[-1], RunFinished)
    assert events[-1].result.status is RunStatus.WAITING
    assert state_of(storage, "r") is RunState.WAITING


def test_without_a_storage_a_workflow_that_waits_is_refused_by_line() -> None:
    with pytest.raises(WorkflowError, match=r":6:.*step 'ok' waits for an approval, and runs are not kept"):
        Runtime(ASK, tools={"count": Counter()})


@pytest.mark.parametrize(
    ("step", "message"),
    [
        pytest.param("{id: a, approval: 3}", "'approval' in step 'a' must be a text", id="a_number"),
        pytest.param("{id: a, approval: {options: [x, y]}}", "has no 'message'", id="no_message"),
        pytest.param(
            "{id: a, approval: {message: m, options: [x]}}", "must be two texts at least", id="one_option"
        ),
        pytest.param("{id: a, approval: '${steps.x.output}'}", "'x'", id="an_unknown_step"),
        pytest.param("{id: a, approval: m, with: {}}", "unknown key 'with'", id="arguments"),
        pytest.param(
            "{id: a, tool: t, compensate: {approval: m}}",
            "cannot wait for an approval",
            id="to_undo_something",
        ),
        pytest.param(
            "{id: a, tool: t, compensate: {steps: [{id: b, tool: t}, {id: c, approval: m}]}}",
            r":2:79: 'compensate' of step 'a' cannot wait for an approval, and step 'c' in it does; ask in a",
            id="inside_what_undoes_something",
        ),
        pytest.param(
            "{id: a, tool: t, compensate: {steps: [{id: b, tool: t, fallback: {approval: m}}]}}",
            "'compensate' of step 'a' cannot wait for an approval, and step 'b:fallback' in it does",
            id="in_place_of_what_undoes_something",
        ),
    ],
)
def test_mistakes_in_an_approval_are_told(step: str, message: str) -> None:
    with pytest.raises(WorkflowError, match=message):
        load_workflow(f"steps:\n  - {step}\n")


def test_a_run_that_waits_is_resumed_when_its_file_has_only_been_laid_out_anew(
    storage: Storage, count: Counter
) -> None:
    Runtime(ASK, tools={"count": count}, storage=storage).run({"n": 1}, run_id="r")
    runtime = Runtime("# more\n\n" + ASK, tools={"count": count}, storage=storage)

    runtime.approve("r", "ok")

    assert runtime.resume("r").status is RunStatus.SUCCEEDED


def nothing() -> None:
    """Do nothing."""


@pytest.mark.parametrize(
    "undo",
    [
        pytest.param("{workflow: asks}", id="at_once"),
        pytest.param("{steps: [{id: inside, parallel: [{id: deep, workflow: asks}]}]}", id="in_a_block"),
        pytest.param("{workflow: further}", id="by_other_workflows"),
    ],
)
def test_what_undoes_a_step_cannot_run_a_workflow_that_waits(storage: Storage, undo: str) -> None:
    workflows = {
        "asks": "name: asks\nsteps:\n  - {id: boss, approval: 'Give back?'}\n",
        "further": "name: further\nsteps:\n  - {id: on, workflow: leads_on}\n",
        "leads_on": "name: leads_on\nsteps:\n  - {id: on, workflow: asks}\n",
    }
    text = f"steps:\n  - {{id: pay, tool: t, compensate: {undo}}}\n"

    with pytest.raises(WorkflowError) as caught:
        Runtime(text, tools={"t": nothing}, storage=storage, options=Options(workflows=workflows))

    (problem,) = caught.value.problems
    assert (problem.line, problem.column) == (
        2,
        3 + text.splitlines()[1].index("workflow: ") + len("workflow: ") - 2,
    )
    assert "what undoes step 'pay' runs the workflow" in problem.message
    assert "waits for an approval" in problem.message
    assert problem.hint == "ask in a step before the one that may have to be undone"


def test_workflow_that_waits_may_be_run_by_steps_that_undo_nothing(storage: Storage) -> None:
    workflows = {
        "asks": "name: asks\nsteps:\n  - {id: boss, approval: 'Go on?'}\n",
        "circle": "name: circle\nsteps:\n  - {id: a, workflow: circle, when: false}\n",
    }
    text = """
steps:
  - {id: ask, workflow: asks}
  - {id: pay, tool: t, needs: ask, fallback: {workflow: asks}, compensate: {workflow: circle}}
"""

    runtime = Runtime(text, tools={"t": nothing}, storage=storage, options=Options(workflows=workflows))

    assert runtime.run().status is RunStatus.WAITING
