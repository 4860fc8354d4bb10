"""Warnings in a stream: what is not as it should be, and what no other event says."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncGenerator, Iterator, Mapping
from typing import Any, cast

import pytest

from agent_runtime import (
    InMemoryStore,
    Options,
    Price,
    RunFinished,
    Runtime,
    ScriptedClient,
    StepFailed,
    StepFinished,
    StepRetrying,
    StreamEvent,
    TokenReceived,
    WarningCode,
    WarningIssued,
    stream_workflow,
    tool_calls,
)
from agent_runtime.engine.steps import ignored_cancellation
from tests.helpers.agents import LIMIT
from tests.helpers.streams import until_error

ASK = "steps:\n  - id: ask\n    agent:\n      messages: [{role: user, content: Sort it}]\n"
TYPED = ASK + "      output: {fields: {queue: {enum: [billing, bug]}}}\n"
REMEMBERING = ASK + "      memory: {name: chat, key: ada, summary: {after: 2, keep: 1}}\n"


def warnings_in(events: list[StreamEvent]) -> list[WarningIssued]:
    return [event for event in events if isinstance(event, WarningIssued)]


def warned(text: str, *replies: Any, options: Options | None = None, **more: Any) -> list[WarningIssued]:
    client = ScriptedClient({"ask": list(replies), "ask:summary": {"content": None}})
    return warnings_in(list(stream_workflow(text, llm=client, options=options or Options(), **more)))


# Models


def test_answer_that_cannot_be_used_is_told_before_the_next_one_comes() -> None:
    client = ScriptedClient({"ask": ['{"queue": "money"}', '{"queue": "bug"}']})
    events = list(stream_workflow(TYPED, llm=client))

    told = [event for event in events if isinstance(event, TokenReceived | WarningIssued)]
    at = next(index for index, event in enumerate(told) if isinstance(event, WarningIssued))
    (warning,) = warnings_in(events)
    assert (warning.step, warning.code) == ("ask", WarningCode.ANSWER_REJECTED)
    assert warning.message == (
        "the answer cannot be used, repair 1 of 2: $.queue: must be one of 'billing', 'bug', not 'money'"
    )
    assert [
        "".join(cast("TokenReceived", event).text for event in part) for part in (told[:at], told[at + 1 :])
    ] == [
        '{"queue": "money"}',
        '{"queue": "bug"}',
    ]


def test_answer_that_ends_the_step_is_no_warning() -> None:
    client = ScriptedClient({"ask": "no"})
    events, _ = until_error(stream_workflow(TYPED.replace("{fields", "{repairs: 0, fields"), llm=client))

    assert not warnings_in(events)
    assert any(isinstance(event, StepFailed) for event in events)


@pytest.mark.parametrize(
    "text", [pytest.param(ASK, id="one_question"), pytest.param(ASK + "      tools: [t]\n", id="agent")]
)
def test_reply_without_content_is_told(text: str) -> None:
    (warning,) = warned(text, {"content": None}, tools={"t": lambda: None})

    assert (warning.step, warning.code) == ("ask", WarningCode.ANSWER_MISSING)
    assert warning.message == "the reply has no 'content'; 'No content generated' stands in its place"


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_answer_that_was_cut_off_is_told(reason: str) -> None:
    (warning,) = warned(ASK, {"content": "It is a b", "finish_reason": reason})

    assert (warning.step, warning.code) == ("ask", WarningCode.ANSWER_CUT_OFF)


def test_answer_that_has_come_to_its_end_is_no_warning() -> None:
    assert not warned(ASK, {"content": "It is a bug", "finish_reason": "stop"})


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        pytest.param(
            {"model": "big", "usage": {"input_tokens": 1}}, "there is no price of 'big'", id="price"
        ),
        pytest.param({"usage": {}}, "there is no price of a model without a name", id="name"),
        pytest.param({"model": "small", "usage": {"input_tokens": 1}}, "does not say how many", id="tokens"),
        pytest.param({"model": "small"}, "does not say how many", id="usage"),
    ],
)
def test_cost_that_is_not_known_is_told_once_in_a_step(reply: Mapping[str, Any], why: str) -> None:
    options = Options(prices={"small": Price(1, 1)})
    turns = [{**tool_calls("t"), **reply}, {**tool_calls("t"), **reply}, {"content": "done", **reply}]

    (warning,) = warned(ASK + "      tools: [t]\n", *turns, options=options, tools={"t": lambda: None})

    assert (warning.step, warning.code) == ("ask", WarningCode.COST_UNKNOWN)
    assert why in warning.message


def test_conversation_that_the_model_does_not_sum_up_is_kept_as_it_is() -> None:
    store = InMemoryStore()
    before = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "hi"}]
    asyncio.run(store.save("chat/key/ada", before, version=0))

    (warning,) = warned(REMEMBERING, "a bug", options=Options(memory=store))

    assert (warning.step, warning.code) == ("ask", WarningCode.SUMMARY_MISSING)
    kept = asyncio.run(store.load("chat/key/ada")).messages
    assert [message["content"] for message in kept] == ["hello", "hi", "Sort it", "a bug"]


def test_warning_of_an_item_names_where_it_stands() -> None:
    text = ASK.replace("    agent:", "    for_each: [a, b]\n    agent:")

    steps = [warning.step for warning in warned(text, {"content": None}, {"content": None})]

    assert steps == ["ask[0]", "ask[1]"]


def test_secrets_are_blacked_out_in_a_warning() -> None:
    text = TYPED.replace("billing", "open-sesame")

    (warning,) = warned(text, '{"queue": "x"}', '{"queue": "bug"}', secrets={"password": "open-sesame"})

    assert warning.message.endswith("$.queue: must be one of '***', 'bug', not 'x'")


# Cancellations


async def stubborn() -> str:
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(60)
    return "late"


def test_step_that_swallows_its_time_limit_is_told_before_its_failure() -> None:
    text = "steps:\n  - {id: act, tool: act, timeout: 0.02, on_error: continue}\n"
    events = list(stream_workflow(text, tools={"act": stubborn}))

    kinds = [type(event) for event in events if not isinstance(event, RunFinished)]
    (warning,) = warnings_in(events)
    assert (warning.step, warning.code) == ("act", WarningCode.CANCELLATION_IGNORED)
    assert warning.message.startswith("swallowed its cancellation and went on for 0")
    assert kinds[-2:] == [WarningIssued, StepFailed]


def test_step_that_swallows_the_failure_of_another_is_told() -> None:
    async def fail() -> None:
        raise ConnectionError

    text = "steps:\n  - {id: act, tool: act}\n  - {id: bad, tool: fail}\n"
    events, error = until_error(stream_workflow(text, tools={"act": stubborn, "fail": fail}))

    assert isinstance(error, ConnectionError)
    assert [warning.step for warning in warnings_in(events)] == ["act"]


def test_reader_is_told_what_it_waits_for_when_a_step_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ignored_cancellation, "PATIENCE", 0.01)
    told = asyncio.Event()

    async def cleans_up_until_told() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.wait_for(told.wait(), LIMIT)

    text = "steps:\n  - {id: act, tool: act, timeout: 0.02, on_error: continue}\n"

    async def read() -> list[str]:
        messages = []
        events = Runtime(text, tools={"act": cleans_up_until_told}).stream_async()
        async with contextlib.aclosing(events):
            async for event in events:
                if isinstance(event, WarningIssued):
                    messages.append(event.message)
                    told.set()
        return messages

    first = asyncio.run(read())[0]

    assert first.startswith("has not ended 0.")
    assert first.endswith(" s after being cancelled")


@pytest.mark.parametrize("way", ["step", "tool"])
def test_plain_function_that_goes_on_beside_the_next_attempt_is_told(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ignored_cancellation, "WORTH_SAYING", 0.0)
    release, told = threading.Event(), threading.Event()
    attempts: Iterator[int] = iter(range(3))

    def act() -> str:
        if next(attempts) == 0:
            release.wait(LIMIT)
        return "done"

    class Client(ScriptedClient):
        async def stream_llm(self, **question: Any) -> AsyncGenerator[Any, None]:
            if question["messages"][-1]["role"] == "user":
                yield tool_calls("act")
            else:
                yield "done"

    policy = "retry: {attempts: 2, backoff: 0}, timeout: 0.1"
    if way == "step":
        text = f"steps:\n  - {{id: act, function: act, thread: worker, {policy}}}\n"
        text += "  - {id: next, tool: wait, needs: [act]}\n"
    else:
        tool = "{name: act, thread: worker}"
        asking = f"tools: [{tool}], messages: [{{role: user, content: x}}]"
        text = f"steps:\n  - {{id: act, agent: {{{asking}}}, {policy}}}\n"
        text += "  - {id: next, tool: wait, needs: [act]}\n"

    async def wait() -> None:
        await asyncio.to_thread(told.wait, LIMIT)

    events = []
    for event in stream_workflow(
        text, functions={"act": act}, tools={"act": act, "wait": wait}, llm=Client({})
    ):
        events.append(event)
        if isinstance(event, StepRetrying):
            release.set()
        elif isinstance(event, WarningIssued):
            told.set()

    (warning,) = warnings_in(events)
    assert warning.step == "act"
    assert warning.message.endswith("after it was cancelled: a plain function cannot be interrupted")
    assert warning.message.startswith("its tool 'act' went on for " if way == "tool" else "went on for ")
    assert any(isinstance(event, StepFinished) for event in events)


# Elsewhere


def test_nobody_who_does_not_read_is_told() -> None:
    result = Runtime(ASK, llm=ScriptedClient({"ask": {"content": None}})).run()

    assert cast("Any", result.outputs["ask"])["content"] == "No content generated"
