"""What a step's failure means is the workflow's to say: try again, do something else, go on, end."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterator

import pytest

from agent_runtime import (
    Options,
    Runtime,
    StepFailed,
    StepFault,
    StepFinished,
    StepRetrying,
    StepStarted,
    StepState,
    StepTimeoutError,
    StreamEvent,
    WorkflowError,
    run_workflow,
    run_workflow_async,
)


class OwnError(Exception):
    pass


def fail(message: str = "broken") -> None:
    raise OwnError(message)


def failing(*errors: BaseException) -> Callable[[], str]:
    """Return a tool that raises these one after the other, and then works."""
    left = list(errors)

    def tool() -> str:
        if left:
            raise left.pop(0)
        return "done"

    return tool


def echo(value: object) -> object:
    return value


def names_of(events: Iterator[StreamEvent]) -> list[tuple[str, str]]:
    return [(type(event).__name__, getattr(event, "step", "")) for event in events]


CONTINUE = """
steps:
  - {id: a, tool: fail, on_error: continue}
  - {id: b, tool: echo, with: {value: "${steps.a.error.message}"}}
outputs:
  state: "${steps.a.state}"
  output: "${steps.a.output.anything[3]}"
  error: "${steps.a.error}"
  errors: "${steps.a.errors}"
  seen: "${steps.b.output}"
"""


def test_run_goes_on_after_a_step_that_says_so_and_others_see_what_went_wrong() -> None:
    result = run_workflow(CONTINUE, tools={"fail": fail, "echo": echo})

    fault = {"type": "OwnError", "message": "broken"}
    assert result.outputs == {
        "state": "failed",
        "output": None,
        "error": fault,
        "errors": [fault],
        "seen": "broken",
    }
    assert result.steps["a"].state is StepState.FAILED
    assert result.steps["a"].faults == (StepFault("OwnError", "broken"),)


def test_failure_that_does_not_end_the_run_is_logged_with_its_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING, logger="agent_runtime"):
        run_workflow(CONTINUE, tools={"fail": fail, "echo": echo})

    (record,) = caplog.records
    assert "step 'a' failed, and the run goes on" in record.message
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], OwnError)


def test_error_of_a_step_that_has_not_failed_is_null_however_far_one_asks() -> None:
    text = """
steps: [{id: a, tool: echo, with: {value: 1}, on_error: continue}]
outputs: {error: "${steps.a.error.message}", errors: "${steps.a.errors}"}
"""

    assert run_workflow(text, tools={"echo": echo}).outputs == {"error": None, "errors": []}


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1), asyncio.CancelledError()])
@pytest.mark.parametrize("policy", ["on_error: continue", "fallback: {tool: echo, with: {value: 1}}"])
def test_only_exceptions_are_dealt_with(error: BaseException, policy: str) -> None:
    text = f"steps:\n  - {{id: a, tool: t, {policy}}}\n"

    with pytest.raises(type(error)) as caught:
        run_workflow(text, tools={"t": failing(error), "echo": echo})

    assert caught.value is error


def test_reference_that_leads_nowhere_is_a_failure_like_any_other() -> None:
    text = """
steps:
  - {id: a, tool: echo, with: {value: {}}}
  - {id: b, tool: echo, with: {value: "${steps.a.output.none}"}, on_error: continue}
  - {id: c, tool: echo, with: {value: 1}, when: "${steps.a.output.none}", on_error: continue}
outputs: {b: "${steps.b.error.type}", c: "${steps.c.error.type}"}
"""

    outputs = run_workflow(text, tools={"echo": echo}).outputs

    assert outputs == {"b": "ReferenceValueError", "c": "ReferenceValueError"}


FALLBACK = """
steps:
  - id: a
    tool: fail
    retry: {attempts: 2}
    fallback: {tool: echo, with: {value: "instead of ${error.type}: ${error.message}"}}
outputs: {value: "${steps.a.output}", state: "${steps.a.state}", error: "${steps.a.error.message}"}
"""


def test_fallback_gives_the_output_when_every_attempt_has_failed() -> None:
    result = run_workflow(FALLBACK, tools={"fail": fail, "echo": echo})

    assert result.outputs == {
        "value": "instead of OwnError: broken",
        "state": "recovered",
        "error": "broken",
    }
    assert result.steps["a"].attempts == 2


def test_fallback_is_not_used_by_a_step_that_succeeds() -> None:
    result = run_workflow(FALLBACK, tools={"fail": lambda: "fine", "echo": lambda value: fail()})

    assert result.outputs == {"value": "fine", "state": "succeeded", "error": None}


def test_fallback_has_attempts_and_a_time_limit_of_its_own() -> None:
    text = """
steps:
  - {id: a, tool: fail, fallback: {tool: slow_at_first, timeout: 0.05, retry: {attempts: 2}}}
"""
    tries: list[int] = []

    async def slow_at_first() -> str:
        tries.append(1)
        await asyncio.sleep(60 if len(tries) == 1 else 0)
        return "second"

    assert run_workflow(text, tools={"fail": fail, "slow_at_first": slow_at_first}).outputs == {"a": "second"}


def test_steps_own_exception_comes_out_when_its_fallback_fails_too(caplog: pytest.LogCaptureFixture) -> None:
    error, second = OwnError("first"), OwnError("second")
    text = "steps: [{id: a, tool: t, fallback: {tool: u}}]\n"

    with pytest.raises(OwnError) as caught:
        run_workflow(text, tools={"t": failing(error), "u": failing(second)})

    assert caught.value is error
    assert error.__context__ is None
    assert "the fallback of step 'a' failed as well" in caplog.text


def test_run_goes_on_when_the_fallback_fails_too_and_the_step_says_continue() -> None:
    text = "steps: [{id: a, tool: t, fallback: {tool: t}, on_error: continue}]\n"

    assert run_workflow(text, tools={"t": fail}).steps["a"].state is StepState.FAILED


def test_stream_tells_failures_that_do_not_end_the_run() -> None:
    events = Runtime(FALLBACK, tools={"fail": fail, "echo": echo}).stream()

    assert names_of(events) == [
        ("RunStarted", ""),
        ("StepStarted", "a"),
        ("StepRetrying", "a"),
        ("StepStarted", "a:fallback"),
        ("StepFinished", "a:fallback"),
        ("StepFinished", "a"),
        ("RunFinished", ""),
    ]


def test_stream_tells_a_failure_once_when_the_run_goes_on() -> None:
    runtime = Runtime(
        "steps: [{id: a, tool: t, on_error: continue}, {id: b, tool: e, needs: a}]\n",
        tools={"t": fail, "e": lambda: 1},
    )

    events = [
        event for event in runtime.stream() if isinstance(event, StepStarted | StepFailed | StepFinished)
    ]

    assert [(type(event), event.step) for event in events] == [
        (StepStarted, "a"),
        (StepFailed, "a"),
        (StepStarted, "b"),
        (StepFinished, "b"),
    ]


RETRY_ON = "steps: [{id: a, tool: t, retry: {attempts: 3, on: [ConnectionError, crm.Busy]}}]\n"


@pytest.mark.parametrize(
    ("error", "attempts"),
    [
        pytest.param(ConnectionError("x"), 2, id="builtin"),
        pytest.param(ConnectionResetError("x"), 2, id="subclass"),
        pytest.param(OwnError("x"), 2, id="registered"),
    ],
)
def test_step_is_tried_again_after_errors_that_it_names(error: Exception, attempts: int) -> None:
    options = Options(errors={"crm.Busy": OwnError})

    result = run_workflow(RETRY_ON, tools={"t": failing(error)}, options=options)

    assert result.steps["a"].attempts == attempts


def test_step_is_not_tried_again_after_an_error_that_it_does_not_name() -> None:
    error = ValueError("x")

    with pytest.raises(ValueError, match="x") as caught:
        run_workflow(RETRY_ON, tools={"t": failing(error)}, options=Options(errors={"crm.Busy": OwnError}))

    assert caught.value is error


@pytest.mark.parametrize("name", ["StepTimeoutError", "TimeoutError"])
def test_passed_time_limit_can_be_named(name: str) -> None:
    tries: list[int] = []

    async def slow_at_first() -> int:
        tries.append(1)
        await asyncio.sleep(60 if len(tries) == 1 else 0)
        return len(tries)

    text = f"steps: [{{id: a, tool: t, timeout: 0.05, retry: {{attempts: 2, on: {name}}}}}]\n"

    assert run_workflow(text, tools={"t": slow_at_first}).outputs == {"a": 2}


def test_passed_time_limit_that_is_not_named_ends_the_step() -> None:
    async def slow() -> None:
        await asyncio.sleep(60)

    text = "steps: [{id: a, tool: t, timeout: 0.05, retry: {attempts: 2, on: OSError}}]\n"

    with pytest.raises(StepTimeoutError):
        run_workflow(text, tools={"t": slow}, options=Options())


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        pytest.param("ConectionError", "did you mean 'ConnectionError'?", id="misspelled"),
        pytest.param("os.system", "pass Options(errors={'os.system': ...})", id="import_path"),
        pytest.param("KeyboardInterrupt", "", id="no_exception"),
        pytest.param("print", "", id="no_class"),
    ],
)
def test_name_of_an_unknown_error_is_a_mistake_and_never_an_import(name: str, hint: str) -> None:
    with pytest.raises(WorkflowError) as caught:
        Runtime(f"steps:\n  - {{id: a, tool: t, retry: {{on: [{name}]}}}}\n", tools={"t": fail})

    (problem,) = caught.value.problems
    assert (problem.line, problem.column) == (2, 35)
    assert problem.message == f"'retry' of step 'a' names the error '{name}', which is not known"
    assert hint in problem.hint


def delays(retry: str, options: Options, failures: int) -> list[float]:
    text = f"steps: [{{id: a, tool: t, retry: {{attempts: 9, {retry}}}}}]\n"
    tool = failing(*(OwnError() for _ in range(failures)))
    events = Runtime(text, tools={"t": tool}, options=options).stream()
    return [event.delay for event in events if isinstance(event, StepRetrying)]


def test_waits_grow_by_the_factor_up_to_the_most() -> None:
    waits = delays("backoff: 0.0001, factor: 3, max_backoff: 0.002", Options(), failures=4)

    assert waits == pytest.approx([0.0001, 0.0003, 0.0009, 0.002])


def test_jitter_leaves_part_of_each_wait_to_the_chance_that_the_host_gives() -> None:
    chances = iter([0.0, 0.5, 1.0])

    waits = delays(
        "backoff: 0.001, factor: 1, jitter: 0.4", Options(random=lambda: next(chances)), failures=3
    )

    assert waits == pytest.approx([0.001, 0.0008, 0.0006])


def test_waits_of_one_seed_are_the_same_each_time() -> None:
    first, second = (
        delays("backoff: 0.001, jitter: 1", Options(random=random.Random(7).random), failures=4)
        for _ in range(2)
    )

    assert first == second
    assert len(set(first)) == 4


def test_jitter_without_a_given_chance_differs_from_run_to_run() -> None:
    first, second = (delays("backoff: 0.001, jitter: 1", Options(), failures=4) for _ in range(2))

    assert first != second


def test_wait_beyond_any_number_is_the_most() -> None:
    text = "steps: [{id: a, tool: t, retry: {attempts: 1000, backoff: 0, factor: 100}}]\n"
    tool = failing(*(OwnError() for _ in range(999)))

    assert run_workflow(text, tools={"t": tool}).steps["a"].attempts == 1000


@pytest.mark.parametrize(
    ("own", "given", "limit"),
    [
        pytest.param("0.05", None, "0.05", id="the_workflows"),
        pytest.param("60", 0.05, "0.05", id="the_callers_is_less"),
        pytest.param("0.05", 60, "0.05", id="the_workflows_is_less"),
    ],
)
@pytest.mark.parametrize("way", ["sync", "async", "stream"])
def test_run_has_the_time_that_workflow_and_caller_leave_it(
    own: str, given: float | None, limit: str, way: str
) -> None:
    async def slow() -> None:
        await asyncio.sleep(60)

    text = f"name: lazy\ntimeout: {own}\nsteps: [{{id: a, tool: slow, on_error: continue}}]\n"
    tools = {"slow": slow}

    with pytest.raises(TimeoutError, match=f"workflow 'lazy' was cancelled after {limit} s"):
        if way == "sync":
            run_workflow(text, tools=tools, timeout=given)
        elif way == "async":
            asyncio.run(run_workflow_async(text, tools=tools, timeout=given))
        else:
            list(Runtime(text, tools=tools).stream(timeout=given))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"errors": {"a": ValueError("x")}}, "is not a class of exceptions", id="instance"),
        pytest.param({"errors": {"a": KeyboardInterrupt}}, "is not a class of exceptions", id="base"),
        pytest.param({"errors": [ValueError]}, "is a mapping of names", id="list"),
        pytest.param({"workflows": {"a": 1}}, "must be a loaded workflow, a path", id="workflow"),
        pytest.param({"random": 0.5}, "is a function", id="random"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        Options(**options)  # type: ignore[arg-type]  # wrong on purpose


def test_options_that_are_none_are_refused() -> None:
    with pytest.raises(TypeError, match="options= is an Options, not dict"):
        Runtime("steps: [{id: a, tool: t}]\n", tools={"t": fail}, options={})  # type: ignore[arg-type]  # wrong on purpose
