"""A run that is kept can be gone on with: what has finished counts, what has not is done."""

from __future__ import annotations

import asyncio

import pytest

from agent_runtime import (
    Executor,
    RecordedFailureError,
    RunEndedError,
    RunFinished,
    RunNotFoundError,
    Runtime,
    RuntimeClosedError,
    StepState,
    Storage,
    StreamEvent,
    run_workflow,
)
from agent_runtime.storage import RunState
from tests.helpers.counting import TWO, Counter, OwnError, state_of


def test_a_failed_run_goes_on_with_the_step_that_failed(storage: Storage, count: Counter) -> None:
    runtime = Runtime(TWO, tools={"count": count}, storage=storage)
    count.fails_at = 2
    with pytest.raises(OwnError):
        runtime.run({"n": 1}, run_id="r")
    state = state_of(storage, "r")
    count.fails_at = None

    result = runtime.resume("r")

    assert state is RunState.FAILED
    assert result.outputs == {"a": 2, "b": 3}
    assert result.run_id == "r"
    assert count.calls == [1, 2, 2]
    assert state_of(storage, "r") is RunState.SUCCEEDED


def test_another_runtime_goes_on_with_a_run_by_the_async_variant(storage: Storage, count: Counter) -> None:
    count.fails_at = 2
    with pytest.raises(OwnError):
        run_workflow(TWO, inputs={"n": 1}, tools={"count": count}, storage=storage, run_id="r")
    count.fails_at = None

    result = asyncio.run(Runtime(TWO, tools={"count": count}, storage=storage).resume_async("r"))

    assert (result.outputs, count.calls) == ({"a": 2, "b": 3}, [1, 2, 2])


def test_an_executor_keeps_runs_too(storage: Storage, count: Counter) -> None:
    steps = [{"id": "a", "tool": "count", "with": {"value": "${inputs.n}"}}]
    executor = Executor(steps, tools={"count": count}, storage=storage)

    first = executor.run({"n": 1}, run_id="r")

    assert executor.resume("r") == first
    assert count.calls == [1]


def test_a_run_that_has_succeeded_gives_its_result_again_and_does_nothing(
    storage: Storage, count: Counter
) -> None:
    runtime = Runtime(TWO, tools={"count": count}, storage=storage)
    first = runtime.run({"n": 1}, run_id="r")

    again = runtime.resume("r")

    assert again == first
    assert count.calls == [1, 2]


def test_records_of_steps_that_are_not_done_again_are_the_first_ones(
    storage: Storage, count: Counter
) -> None:
    runtime = Runtime(TWO, tools={"count": count}, storage=storage)
    count.fails_at = 2
    with pytest.raises(OwnError):
        runtime.run({"n": 1}, run_id="r")
    (kept,) = storage.entries("r")
    count.fails_at = None

    result = runtime.resume("r")

    assert result.steps["a"].state is StepState.SUCCEEDED
    assert f'"ended": {result.steps["a"].ended!r}' in kept.data
    assert result.steps["a"].ended < result.steps["b"].started


def test_a_stream_is_kept_and_resumed_runs_give_the_events_of_finished_steps_again(
    storage: Storage, count: Counter
) -> None:
    runtime = Runtime(TWO, tools={"count": count}, storage=storage)
    count.fails_at = 2
    with pytest.raises(OwnError):
        list(runtime.stream({"n": 1}, idempotency_key="k"))
    count.fails_at = None

    first = list(runtime.stream({"n": 1}, idempotency_key="k"))
    again = list(runtime.stream({"n": 1}, idempotency_key="k"))

    def names(events: list[StreamEvent]) -> list[str]:
        return [type(event).__name__ for event in events]

    steps = ["StepStarted", "StepFinished"] * 2
    assert names(first) == ["RunStarted", *steps, "RunFinished"]
    assert names(again) == ["RunStarted", "RunFinished"]
    assert isinstance(first[-1], RunFinished)
    assert isinstance(again[-1], RunFinished)
    assert again[-1].result == first[-1].result
    assert count.calls == [1, 2, 2]


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_a_run_is_gone_on_with_event_by_event(storage: Storage, count: Counter, is_async: bool) -> None:
    runtime = Runtime(TWO, tools={"count": count}, storage=storage)
    count.fails_at = 2
    with pytest.raises(OwnError):
        runtime.run({"n": 1}, run_id="r")
    count.fails_at = None

    async def read() -> list[StreamEvent]:
        return [event async for event in runtime.resume_stream_async("r")]

    events = asyncio.run(read()) if is_async else list(runtime.resume_stream("r"))

    assert [(type(event).__name__, getattr(event, "step", "")) for event in events] == [
        ("RunStarted", ""),
        ("StepStarted", "a"),
        ("StepFinished", "a"),
        ("StepStarted", "b"),
        ("StepFinished", "b"),
        ("RunFinished", ""),
    ]
    assert isinstance(events[-1], RunFinished)
    assert (events[-1].result.run_id, events[-1].result.outputs) == ("r", {"a": 2, "b": 3})
    assert count.calls == [1, 2, 2]


def test_a_stream_of_a_run_that_is_not_there_says_so_when_it_is_read(storage: Storage) -> None:
    events = Runtime(TWO, tools={"count": Counter()}, storage=storage).resume_stream("r")

    with pytest.raises(RunNotFoundError, match="there is no run 'r'"):
        next(events)


def test_closing_a_runtime_leaves_its_runs_to_be_resumed_and_undoes_nothing(storage: Storage) -> None:
    book: list[str] = []
    began = asyncio.Event()

    async def do(name: str) -> str:
        book.append(name)
        return name

    async def wait() -> str:
        began.set()
        if book.count("wait") == 0:
            book.append("wait")
            await asyncio.sleep(60)
        return "waited"

    text = (
        "name: w\nsteps:\n"
        "  - {id: a, tool: do, with: {name: a}, compensate: {tool: do, with: {name: undo}}}\n"
        "  - {id: b, tool: wait, needs: a}\n"
    )

    async def main() -> object:
        runtime = Runtime(text, tools={"do": do, "wait": wait}, storage=storage)
        task = asyncio.create_task(runtime.run_async(run_id="r"))
        await began.wait()
        await runtime.aclose()
        with pytest.raises(RuntimeClosedError):
            await task
        assert state_of(storage, "r") is RunState.INTERRUPTED
        other = Runtime(text, tools={"do": do, "wait": wait}, storage=storage)
        return (await other.resume_async("r")).outputs

    assert asyncio.run(main()) == {"a": "a", "b": "waited"}
    assert book == ["a", "wait"]


def test_a_run_cut_off_by_its_time_limit_can_be_resumed(storage: Storage) -> None:
    calls: list[str] = []

    async def slow() -> int:
        calls.append("slow")
        if len(calls) == 1:
            await asyncio.sleep(60)
        return 1

    runtime = Runtime("steps:\n  - {id: a, tool: slow}\n", tools={"slow": slow}, storage=storage)
    with pytest.raises(TimeoutError):
        runtime.run(run_id="r", timeout=0.2)

    assert state_of(storage, "r") is RunState.INTERRUPTED
    assert runtime.resume("r").outputs == {"a": 1}


def test_a_failed_run_that_has_been_undone_is_not_resumed(storage: Storage, count: Counter) -> None:
    text = TWO.replace('"${inputs.n}"}}', '"${inputs.n}"}, compensate: {tool: count, with: {value: undo}}}')
    runtime = Runtime(text, tools={"count": count}, storage=storage)
    count.fails_at = 2
    with pytest.raises(OwnError):
        runtime.run({"n": 1}, run_id="r")

    with pytest.raises(RunEndedError, match=r"OwnError: 2, and what had succeeded has been undone"):
        runtime.resume("r")

    assert count.calls == [1, 2, "undo"]


def test_a_step_whose_retries_are_used_up_goes_to_its_fallback_when_it_is_resumed(
    storage: Storage, count: Counter
) -> None:
    text = """
    steps:
      - {id: a, tool: fail, fallback: {tool: count, with: {value: "${error.message}"}}}
      - {id: b, tool: count, needs: a, with: {value: 5}}
    """
    fails: list[str] = []

    async def fail() -> None:
        fails.append("fail")
        raise OwnError("broken")

    runtime = Runtime(text, tools={"count": count, "fail": fail}, storage=storage)
    count.fails_at = "broken"
    with pytest.raises(OwnError):
        runtime.run(run_id="r")
    count.fails_at = None

    result = runtime.resume("r")

    assert result.steps["a"].state is StepState.RECOVERED
    assert result.steps["a"].faults[0][:2] == ("OwnError", "broken")
    assert fails == ["fail"]
    assert count.calls == ["broken", "broken", 5]


def test_a_finished_step_is_not_done_again_whatever_its_unused_fallback_could_undo(
    storage: Storage, count: Counter
) -> None:
    text = """
    steps:
      - id: a
        tool: count
        with: {value: 1}
        fallback:
          steps: [{id: b, tool: count, with: {value: 5}, compensate: {tool: count, with: {value: 6}}}]
      - {id: c, tool: count, needs: a, with: {value: 2}}
    """
    runtime = Runtime(text, tools={"count": count}, storage=storage)
    count.fails_at = 2
    with pytest.raises(OwnError):
        runtime.run(run_id="r")
    count.fails_at = None

    runtime.resume("r")

    assert count.calls == [1, 2, 2]


def test_a_fallback_that_has_finished_is_undone_after_a_resumption(storage: Storage, count: Counter) -> None:
    text = """
    steps:
      - id: a
        tool: fail
        fallback:
          steps: [{id: b, tool: count, with: {value: 5}, compensate: {tool: count, with: {value: 6}}}]
      - {id: c, tool: wait, needs: a}
    """
    waits: list[str] = []

    async def fail() -> None:
        raise OwnError("broken")

    async def wait() -> None:
        waits.append("wait")
        await asyncio.sleep(60 if len(waits) == 1 else 0)
        raise OwnError("late")

    runtime = Runtime(text, tools={"count": count, "fail": fail, "wait": wait}, storage=storage)
    with pytest.raises(TimeoutError):
        runtime.run(run_id="r", timeout=0.5)

    with pytest.raises(OwnError, match="late"):
        runtime.resume("r")

    assert count.calls == [5, 6]


def test_a_fallback_that_fails_after_a_resumption_says_what_had_failed(
    storage: Storage, count: Counter
) -> None:
    text = "steps:\n  - {id: a, tool: fail, fallback: {tool: count, with: {value: 1}}}\n"

    async def fail() -> None:
        raise OwnError("broken")

    runtime = Runtime(text, tools={"count": count, "fail": fail}, storage=storage)
    count.fails_at = 1
    with pytest.raises(OwnError):
        runtime.run(run_id="r")

    with pytest.raises(RecordedFailureError, match="OwnError: broken"):
        runtime.resume("r")
