"""A step with `for_each` is done for every item: so many at once, and the outputs keep the items' order."""

from __future__ import annotations

import asyncio
import contextvars
import tracemalloc
from collections import Counter

import pytest

from agent_runtime import (
    ReferenceValueError,
    RunResult,
    Runtime,
    StepCancelled,
    StepEvent,
    StepFault,
    StepStarted,
    StepState,
    run_workflow,
)

DOUBLE = """
inputs: {numbers: array}
steps:
  - {id: double, tool: double, with: {number: "${item}", index: "${index}"}, for_each: "${inputs.numbers}"}
outputs: {doubled: "${steps.double.output}"}
"""


class OwnError(Exception):
    pass


def fail_at(bad: object) -> object:
    async def tool(item: object) -> object:
        if item == bad:
            raise OwnError(f"bad {item}")
        return item

    return tool


async def double(number: int, index: int) -> list[int]:
    await asyncio.sleep(0.002 * (3 - index))  # the first ends last
    return [index, 2 * number]


def for_each(text: str, items: list[object], **tools: object) -> RunResult:
    workflow = (
        f'inputs: {{items: array}}\nsteps:\n  - {{id: a, tool: t, with: {{item: "${{item}}"}}, {text}}}\n'
    )
    return run_workflow(workflow, inputs={"items": items}, tools=tools)  # type: ignore[arg-type]  # shorter so


def test_outputs_stand_in_the_order_of_the_items_whichever_ends_first() -> None:
    result = run_workflow(DOUBLE, inputs={"numbers": [5, 6, 7]}, tools={"double": double})

    assert result.outputs == {"doubled": [[0, 10], [1, 12], [2, 14]]}
    assert result.steps["double"].attempts == 3


def test_no_items_give_an_empty_list() -> None:
    assert run_workflow(DOUBLE, inputs={"numbers": []}, tools={"double": double}).outputs == {"doubled": []}


def test_items_may_be_written_out() -> None:
    text = """
inputs: {more: string}
steps: [{id: a, tool: echo, with: {value: "<${item.name}>"}, for_each: [{name: x}, {name: "${inputs.more}"}]}]
"""

    outputs = run_workflow(text, inputs={"more": "y"}, tools={"echo": lambda value: value}).outputs

    assert outputs == {"a": ["<x>", "<y>"]}


@pytest.mark.parametrize("concurrency", [1, 3, 50])
def test_so_many_items_are_worked_on_at_once_and_no_more(concurrency: int) -> None:
    at_once, most = 0, 0

    async def tool(item: int) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.001)
        at_once -= 1

    for_each(f'for_each: {{in: "${{inputs.items}}", concurrency: {concurrency}}}', [*range(20)], t=tool)

    assert most == min(concurrency, 20)


def test_first_failing_item_ends_the_step_and_no_further_one_begins() -> None:
    begun: list[int] = []

    async def tool(item: int) -> None:
        begun.append(item)
        await asyncio.sleep(0 if item == 1 else 60)
        raise OwnError(item)

    with pytest.raises(OwnError) as caught:
        for_each('for_each: {in: "${inputs.items}", concurrency: 2}', [*range(20)], t=tool)

    assert caught.value.args == (1,)
    assert begun == [0, 1]


def test_items_that_fail_leave_null_and_say_which_they_were() -> None:
    result = for_each('for_each: {in: "${inputs.items}", on_error: continue}', [1, 2, 3], t=fail_at(2))

    assert result.outputs == {"a": [1, None, 3]}
    assert result.steps["a"].state is StepState.SUCCEEDED
    assert result.steps["a"].faults == (StepFault("OwnError", "bad 2", item=1),)


def test_errors_of_items_can_be_referred_to() -> None:
    text = """
steps:
  - {id: a, tool: t, with: {item: "${item}"}, for_each: {in: [1, 2], on_error: continue}}
outputs: {errors: "${steps.a.errors}"}
"""

    outputs = run_workflow(text, tools={"t": fail_at(2)}).outputs  # type: ignore[dict-item]  # shorter so

    assert outputs == {"errors": [{"type": "OwnError", "message": "bad 2", "item": 1}]}


def test_policy_of_the_step_counts_for_the_whole_of_it() -> None:
    result = for_each('for_each: "${inputs.items}", on_error: continue', [1, 2], t=fail_at(2))

    assert result.outputs == {"a": None}
    assert result.steps["a"].state is StepState.FAILED


def test_attempts_time_limit_and_fallback_are_those_of_each_item() -> None:
    tries: Counter[int] = Counter()

    async def tool(item: int) -> int:
        tries[item] += 1
        if item == 1 and tries[item] == 1:
            raise OwnError
        if item == 2:
            await asyncio.sleep(60)
        return item

    result = for_each(
        'for_each: "${inputs.items}", timeout: 0.05, retry: {attempts: 2},'
        ' fallback: {tool: f, with: {item: "${item}", why: "${error.type}"}}',
        [0, 1, 2],
        t=tool,
        f=lambda item, why: [item, why],
    )

    assert result.outputs == {"a": [0, 1, [2, "StepTimeoutError"]]}
    assert tries == {0: 1, 1: 2, 2: 2}


def test_condition_is_asked_once_and_skips_all_items() -> None:
    result = for_each('for_each: "${inputs.items}", when: false', [1, 2], t=fail_at(1))

    assert result.steps["a"].state is StepState.SKIPPED
    assert result.outputs == {"a": None}


def test_what_is_no_list_is_an_error_that_names_the_reference() -> None:
    text = 'inputs: {items: any}\nsteps:\n  - {id: a, tool: t, for_each: "${inputs.items}"}\n'

    with pytest.raises(ReferenceValueError, match="'for_each' takes an array, and this is str") as caught:
        run_workflow(text, inputs={"items": "abc"}, tools={"t": lambda: 1})

    assert (caught.value.step, caught.value.line, caught.value.column) == ("a", 3, 33)


def test_plain_functions_work_for_items_on_the_calling_thread() -> None:
    import threading

    result = for_each(
        'for_each: "${inputs.items}"', [*range(40)], t=lambda item: (item, threading.get_ident())
    )

    assert result.outputs["a"] == [(item, threading.get_ident()) for item in range(40)]


VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("VARIABLE", default="unset")


def test_items_see_the_callers_context_variables_and_not_those_of_each_other() -> None:
    async def tool(item: int) -> str:
        seen = VARIABLE.get()
        VARIABLE.set(str(item))
        return seen

    token = VARIABLE.set("the caller's")
    try:
        result = for_each('for_each: {in: "${inputs.items}", concurrency: 1}', [1, 2], t=tool)
    finally:
        VARIABLE.reset(token)

    assert result.outputs == {"a": ["the caller's"] * 2}


def test_ten_thousand_items_take_the_memory_of_their_outputs() -> None:
    """Ten thousand tasks with their contexts would take about forty times as much."""
    runtime = Runtime(
        "inputs: {items: array}\n"
        'steps: [{id: a, tool: t, with: {item: "${item}"}, for_each: "${inputs.items}"}]\n',
        tools={"t": fail_at(None)},  # type: ignore[dict-item]  # shorter so
    )
    items = [*range(10_000)]
    runtime.run(inputs={"items": items})
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        result = runtime.run(inputs={"items": items})
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert result.outputs == {"a": items}
    assert peak - before < 1_000_000


STREAMED = 'steps: [{id: a, tool: t, with: {item: "${item}"}, for_each: {in: [0, 1, 2], concurrency: 1}}]\n'


def test_stream_tells_each_item() -> None:
    events = Runtime(STREAMED, tools={"t": fail_at(None)}).stream()  # type: ignore[dict-item]  # shorter so

    assert [(type(event).__name__, event.step) for event in events if isinstance(event, StepEvent)] == [
        ("StepStarted", "a"),
        *((name, f"a[{index}]") for index in range(3) for name in ("StepStarted", "StepFinished")),
        ("StepFinished", "a"),
    ]


def test_every_item_that_starts_in_a_stream_ends_there_also_when_one_fails() -> None:
    async def tool(item: int) -> None:
        await asyncio.sleep(0.01 if item == 40 else 60)
        raise OwnError

    text = STREAMED.replace("[0, 1, 2]", "${inputs.items}").replace("concurrency: 1", "concurrency: 200")
    text = text.replace("in: ${inputs.items}", 'in: "${inputs.items}"')
    events: list[StepEvent] = []
    with pytest.raises(OwnError):
        events.extend(
            event
            for event in Runtime("inputs: {items: array}\n" + text, tools={"t": tool}).stream(
                inputs={"items": [*range(150)]}
            )
            if isinstance(event, StepEvent)
        )

    started = Counter(event.step for event in events if isinstance(event, StepStarted))
    ended = Counter(event.step for event in events if not isinstance(event, StepStarted))
    assert started == ended
    assert any(isinstance(event, StepCancelled) for event in events)


def test_reader_who_waits_keeps_items_from_starting() -> None:
    begun: list[int] = []

    async def tool(item: int) -> None:
        begun.append(item)

    text = STREAMED.replace("[0, 1, 2]", '"${inputs.items}"')
    stream = Runtime("inputs: {items: array}\n" + text, tools={"t": tool}).stream(
        inputs={"items": [*range(1_000)]}
    )
    next(stream)
    next(stream)
    stream.close()

    assert len(begun) < 100
