"""S16: a run as a stream of events, of known kinds, given as they come."""

from __future__ import annotations

import asyncio
import pickle
import threading
from collections.abc import Callable, Mapping
from dataclasses import FrozenInstanceError
from typing import assert_never

import pytest

from agent_runtime import (
    Executor,
    RunFailed,
    RunFinished,
    RunResult,
    RunStarted,
    Runtime,
    StepCancelled,
    StepEvent,
    StepFailed,
    StepFinished,
    StepRetrying,
    StepSkipped,
    StepStarted,
    StepWaiting,
    StreamEvent,
    TokenReceived,
    ToolCalled,
    ToolReturned,
    WarningIssued,
    load_workflow,
    stream_workflow,
    stream_workflow_async,
)
from agent_runtime.engine.event_buffer import AHEAD
from tests.helpers.streams import (
    CHAIN,
    LIMIT,
    ONE,
    WAYS,
    Stream,
    Way,
    after,
    bridge_is_quiet,
    fan_out,
    kinds,
    nothing,
    sync,
    through_async_for,
)

# What a stream gives


@WAYS
def test_stream_tells_what_happens_in_order(way: Way) -> None:
    assert kinds(way(CHAIN, first=nothing, second=nothing)) == [
        "RunStarted",
        "StepStarted first",
        "StepFinished first",
        "StepStarted second",
        "StepFinished second",
        "RunFinished",
    ]


@pytest.mark.parametrize(
    "stream",
    [
        pytest.param(
            lambda tools: stream_workflow(CHAIN, tools=tools, inputs={}, timeout=LIMIT), id="stream_workflow"
        ),
        pytest.param(
            lambda tools: through_async_for(stream_workflow_async(CHAIN, tools=tools, timeout=LIMIT)),
            id="stream_workflow_async",
        ),
        pytest.param(
            lambda tools: Executor(load_workflow(CHAIN), tools=tools).stream({}, timeout=LIMIT), id="executor"
        ),
        pytest.param(
            lambda tools: through_async_for(Executor(load_workflow(CHAIN), tools=tools).stream_async()),
            id="executor_async",
        ),
    ],
)
def test_every_entry_point_streams(stream: Callable[[Mapping[str, Callable[..., object]]], Stream]) -> None:
    last = list(stream({"first": nothing, "second": lambda: 2}))[-1]

    assert isinstance(last, RunFinished)
    assert last.result.outputs == {"first": None, "second": 2}


def test_last_event_has_what_run_returns() -> None:
    runtime = Runtime(ONE, tools={"act": lambda: "done"})
    *_, finished, last = runtime.stream()

    assert isinstance(last, RunFinished)
    assert isinstance(last.result, RunResult)
    assert last.result.run_id == last.run_id
    assert last.result.outputs == runtime.run().outputs
    assert isinstance(finished, StepFinished)
    assert (finished.output, finished.record) == ("done", last.result.steps["act"])


def test_all_events_of_a_run_have_its_id_and_come_in_the_order_of_their_times() -> None:
    events = list(sync(CHAIN, first=nothing, second=nothing))

    assert len({event.run_id for event in events}) == 1
    assert [event.time for event in events] == sorted(event.time for event in events)
    assert len({event.run_id for event in sync(ONE, act=nothing)} | {events[0].run_id}) == 2


@WAYS
def test_step_whose_condition_is_false_is_skipped(way: Way) -> None:
    events = list(way(ONE.replace("}", ", when: '${1 == 2}'}"), act=nothing))

    assert kinds(iter(events)) == ["RunStarted", "StepStarted act", "StepSkipped act", "RunFinished"]


@WAYS
def test_failed_attempts_are_told_before_the_next_one(way: Way) -> None:
    left = [ValueError("not yet"), KeyError("nor yet")]

    def act() -> str:
        if left:
            raise left.pop(0)
        return "well"

    events = list(way(ONE.replace("}", ", retry: {attempts: 3, backoff: 0.001}}"), act=act))
    retrying = [event for event in events if isinstance(event, StepRetrying)]

    assert [(e.step, e.attempt, e.error_type, e.error) for e in retrying] == [
        ("act", 1, "ValueError", "not yet"),
        ("act", 2, "KeyError", "'nor yet'"),
    ]
    assert [e.delay for e in retrying] == [0.001, 0.002]
    assert isinstance(events[-2], StepFinished)
    assert events[-2].record.attempts == 3


def test_events_are_frozen_and_equal_by_value_and_can_be_pickled() -> None:
    event, other = StepStarted("r", 1.0, "s"), StepCancelled("r", 1.0, "s")
    events: list[StepEvent] = [event, other]

    assert event == StepStarted(run_id="r", time=1.0, step="s")
    assert events[0] != events[1]
    assert pickle.loads(pickle.dumps(event)) == event
    with pytest.raises(FrozenInstanceError):
        event.step = "t"  # type: ignore[misc]  # the point


def described(event: StreamEvent) -> str:
    """Match every kind of event; the type checker holds this to be exhaustive."""
    match event:
        case RunStarted(workflow=name):
            return name
        case RunFinished(result=result):
            return result.workflow
        case RunFailed(error=error) | StepFailed(error=error) | StepRetrying(error=error):
            return error
        case StepStarted() | StepFinished() | StepSkipped() | StepCancelled() | StepWaiting():
            return event.step
        case ToolCalled(tool=tool) | ToolReturned(tool=tool):
            return tool
        case TokenReceived(text=text) | WarningIssued(message=text):
            return text
        case _:
            assert_never(event)


def test_events_can_be_matched_exhaustively() -> None:
    assert [described(event) for event in sync(ONE, act=nothing)] == ["one", "act", "act", "one"]


# As they come


def test_items_come_as_they_are_produced() -> None:
    seen = threading.Event()

    async def second() -> bool:
        return await asyncio.to_thread(seen.wait, LIMIT)

    stream = sync(CHAIN, first=nothing, second=second)
    after(stream, StepFinished)
    seen.set()

    *_, last = stream
    assert isinstance(last, RunFinished)
    assert last.result.outputs["second"] is True


def test_async_items_come_as_they_are_produced() -> None:
    async def main() -> object:
        seen = asyncio.Event()

        async def second() -> bool:
            return await seen.wait()

        async for event in Runtime(CHAIN, tools={"first": nothing, "second": second}).stream_async():
            if isinstance(event, StepFinished):
                seen.set()
        assert isinstance(event, RunFinished)
        return event.result.outputs["second"]

    assert asyncio.run(asyncio.wait_for(main(), LIMIT)) is True


def test_nothing_runs_before_the_first_event_is_asked_for() -> None:
    began: list[str] = []
    stream = sync(ONE, act=lambda: began.append("act"))

    del stream

    assert began == []


def test_def_steps_run_on_the_calling_thread_while_it_asks() -> None:
    asking: list[bool] = [False]
    seen: list[tuple[str, bool]] = []

    def act() -> None:
        seen.append((threading.current_thread().name, asking[0]))

    stream = sync(CHAIN, first=act, second=act)
    asking[0] = True
    while next(stream, None) is not None:
        asking[0] = False
        asking[0] = True

    assert seen == [(threading.current_thread().name, True)] * 2


def test_def_step_runs_when_all_that_was_told_before_it_has_been_read() -> None:
    read: list[str] = []
    told: list[list[str]] = []

    def act() -> None:
        told.append([*read])

    text = "name: three\nsteps:\n" + "".join(f"  - {{id: s{n}, tool: act}}\n" for n in range(3))
    for event in sync(text, act=act):
        read += kinds(iter([event]))

    began = ["RunStarted", "StepStarted s0", "StepStarted s1", "StepStarted s2"]
    assert told == [began, [*began, "StepFinished s0"], [*began, "StepFinished s0", "StepFinished s1"]]


def test_async_steps_go_on_while_the_reader_is_elsewhere() -> None:
    ended = threading.Event()

    async def act() -> None:
        ended.set()

    stream = sync(ONE, act=act)
    next(stream)

    assert ended.wait(LIMIT)
    stream.close()


def test_run_gets_no_further_ahead_of_its_reader_than_a_bound() -> None:
    began: list[None] = []

    async def act() -> None:
        began.append(None)

    stream = sync(fan_out(10 * AHEAD), act=act)
    next(stream)
    bridge_is_quiet()
    ahead = len(began)
    *_, last = stream

    assert 0 < ahead <= AHEAD
    assert len(began) == 10 * AHEAD
    assert isinstance(last, RunFinished)


def test_steps_that_wait_for_each_other_all_start_for_a_reader_who_reads_on() -> None:
    count = 3 * AHEAD
    all_began = asyncio.Event()
    began: list[None] = []

    async def act() -> None:
        began.append(None)
        if len(began) == count:
            all_began.set()
        await all_began.wait()

    *_, last = stream_workflow(fan_out(count), tools={"act": act}, timeout=LIMIT)

    assert isinstance(last, RunFinished)
