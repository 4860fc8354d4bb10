"""Steps inside a step: they follow the rules of the workflow's own steps, and are one step to the others."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from agent_runtime import (
    Executor,
    ReferenceValueError,
    Runtime,
    ScriptedClient,
    StepEvent,
    StepTimeoutError,
    run_workflow,
)


class OwnError(Exception):
    pass


def echo(value: object) -> object:
    return value


BLOCK = """
inputs: {order: string}
steps:
  - {id: before, tool: echo, with: {value: first}}
  - id: block
    steps:
      - {id: price, tool: echo, with: {value: "${inputs.order} ${steps.before.output}"}}
      - {id: total, tool: echo, with: {value: "${steps.price.output}!"}}
  - {id: after, tool: echo, with: {value: "${steps.block.output.total}"}}
outputs: {block: "${steps.block.output}", after: "${steps.after.output}"}
"""


def test_steps_inside_see_each_other_and_all_that_their_step_sees() -> None:
    outputs = run_workflow(BLOCK, inputs={"order": "o-1"}, tools={"echo": echo}).outputs

    assert outputs == {"block": {"price": "o-1 first", "total": "o-1 first!"}, "after": "o-1 first!"}


def test_blocks_side_by_side_may_use_the_same_ids() -> None:
    text = """
steps:
  - {id: left, steps: [{id: x, tool: echo, with: {value: 1}}]}
  - {id: right, steps: [{id: x, tool: echo, with: {value: 2}}]}
"""

    assert run_workflow(text, tools={"echo": echo}).outputs == {"left": {"x": 1}, "right": {"x": 2}}


def test_block_given_as_mappings_works_as_well() -> None:
    inner = {"id": "x", "tool": "echo", "with": {"value": "${inputs.a}"}}

    assert Executor([{"id": "b", "parallel": [inner]}], tools={"echo": echo}).run({"a": 1}).outputs == {
        "b": {"x": 1}
    }


def test_input_that_only_a_step_inside_needs_is_asked_for() -> None:
    from agent_runtime import WorkflowError

    inner = {"id": "x", "tool": "echo", "with": {"value": "${inputs.a}"}}

    with pytest.raises(WorkflowError, match="refers to the input 'a', which was not given"):
        Executor([{"id": "b", "steps": [inner]}], tools={"echo": echo}).run()


@pytest.mark.parametrize("concurrency", [1, 2, 8])
def test_parallel_runs_so_many_at_once_and_no_more(concurrency: int) -> None:
    at_once, most = 0, 0

    async def tool() -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.001)
        at_once -= 1

    inner = "".join(f"      - {{id: s{number}, tool: t}}\n" for number in range(8))
    text = f"steps:\n  - id: p\n    concurrency: {concurrency}\n    parallel:\n{inner}"

    outputs = run_workflow(text, tools={"t": tool}).outputs

    assert most == concurrency
    assert outputs == {"p": {f"s{number}": None for number in range(8)}}


def test_failure_inside_ends_the_other_steps_inside_and_then_counts_for_the_block() -> None:
    cleaned: list[str] = []
    text = """
steps:
  - id: block
    on_error: continue
    parallel: [{id: a, tool: slow}, {id: b, tool: fail}]
  - {id: after, tool: echo, with: {value: "${steps.block.error.type}"}}
"""

    async def slow() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            cleaned.append("slow")

    async def fail() -> None:
        await asyncio.sleep(0.01)
        raise OwnError

    outputs = run_workflow(text, tools={"slow": slow, "fail": fail, "echo": echo}).outputs

    assert outputs == {"block": None, "after": "OwnError"}
    assert cleaned == ["slow"]


def test_block_is_tried_again_as_a_whole() -> None:
    tries: list[str] = []

    def note(value: str) -> None:
        tries.append(value)
        if len(tries) == 2:
            raise OwnError

    text = """
steps:
  - id: block
    retry: {attempts: 2}
    steps: [{id: a, tool: note, with: {value: a}}, {id: b, tool: note, with: {value: b}, needs: a}]
"""

    assert run_workflow(text, tools={"note": note}).steps["block"].attempts == 2
    assert tries == ["a", "b", "a", "b"]


def test_time_limit_of_a_block_is_for_all_of_it() -> None:
    async def slow() -> None:
        await asyncio.sleep(60)

    text = "steps: [{id: b, timeout: 0.05, steps: [{id: a, tool: slow, timeout: 50}]}]\n"

    with pytest.raises(StepTimeoutError, match=r"step 'b' took longer than its timeout of 0\.05 s"):
        run_workflow(text, tools={"slow": slow})


def test_block_is_done_for_each_item_with_values_of_its_own() -> None:
    text = """
steps:
  - id: rows
    for_each: {in: [1, 2, 3], concurrency: 2}
    steps:
      - {id: x, tool: echo, with: {value: ["${item}", "${index}"]}}
      - {id: y, tool: echo, when: "${item != 2}", with: {value: "${steps.x.output}"}}
"""

    assert run_workflow(text, tools={"echo": echo}).outputs["rows"] == [
        {"x": [1, 0], "y": [1, 0]},
        {"x": [2, 1], "y": None},
        {"x": [3, 2], "y": [3, 2]},
    ]


def test_innermost_item_is_meant_where_lists_stand_in_lists() -> None:
    text = """
steps:
  - id: rows
    for_each: [[1, 2], [3]]
    steps: [{id: cells, for_each: "${item}", tool: echo, with: {value: "${item}"}}]
"""

    assert run_workflow(text, tools={"echo": echo}).outputs["rows"] == [{"cells": [1, 2]}, {"cells": [3]}]


def test_errors_and_events_name_steps_inside_by_where_they_stand() -> None:
    text = """
steps:
  - id: rows
    for_each: [{}]
    steps: [{id: x, tool: echo, with: {value: "${item.none}"}}]
"""
    events: list[str] = []

    with pytest.raises(ReferenceValueError, match=r"in step 'rows\[0\]\.x' cannot be resolved"):
        for event in Runtime(text, tools={"echo": echo}).stream():
            events += [f"{type(event).__name__} {event.step}"] if isinstance(event, StepEvent) else []

    assert events == [
        "StepStarted rows",
        "StepStarted rows[0]",
        "StepStarted rows[0].x",
        "StepFailed rows[0].x",
        "StepFailed rows[0]",
        "StepFailed rows",
    ]


def test_llm_client_is_told_the_id_of_a_step_inside() -> None:
    text = """
steps:
  - id: all
    for_each: [a, b]
    steps: [{id: ask, agent: {messages: [{role: user, content: "${item}"}]}}]
"""

    outputs = run_workflow(text, llm=ScriptedClient({"ask": "yes"})).outputs

    assert [row["ask"]["content"] for row in outputs["all"]] == ["yes", "yes"]  # type: ignore[attr-defined]  # a list


def test_cancelling_a_run_waits_for_the_cleanup_of_steps_inside() -> None:
    cleaned: list[str] = []

    async def slow() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            cleaned.append("slow")

    text = "steps: [{id: a, steps: [{id: b, parallel: [{id: c, tool: slow}, {id: d, tool: slow}]}]}]\n"

    with pytest.raises(TimeoutError):
        run_workflow(text, tools={"slow": slow}, timeout=0.1)

    assert cleaned == ["slow", "slow"]


def test_reader_who_leaves_ends_steps_inside() -> None:
    cleaned: list[str] = []

    async def slow() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            cleaned.append("slow")

    text = "steps: [{id: a, parallel: [{id: c, tool: slow}, {id: d, tool: slow}]}]\n"
    with contextlib.closing(Runtime(text, tools={"slow": slow}).stream()) as events:
        for event in events:
            if getattr(event, "step", "") == "a.d":
                break
    # A step that was cancelled before its first instruction has nothing to clean up.
    assert set(cleaned) <= {"slow"}


DEEP = 20


def test_blocks_stand_in_blocks_as_deep_as_a_file_can_be() -> None:
    text = 'tool: echo, with: {value: "${inputs.a}"}'
    for number in range(DEEP):
        text = f"steps: [{{id: s{number}, {text}}}]"
    value: object = run_workflow(
        f"inputs: {{a: any}}\n{text}\n", inputs={"a": 7}, tools={"echo": echo}
    ).outputs

    for number in reversed(range(DEEP)):
        assert isinstance(value, dict)
        value = value[f"s{number}"]
    assert value == 7
