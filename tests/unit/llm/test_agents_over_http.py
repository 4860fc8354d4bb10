"""Agent steps with tools and forms, over OpenAICompatibleClient: both sides speak the same wire form."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agent_runtime import OpenAICompatibleClient, RunResult, Runtime, StreamEvent
from agent_runtime.results.events import RunFinished, TokenReceived
from tests.helpers.model_clients import client_of
from tests.helpers.model_server import Behaviour, chunk, says, serving, streams

SUPPORT = """
name: support
steps:
  - id: support
    agent:
      tools: [crm.find]
      messages: [{role: user, content: Which plan has Ada?}]
outputs: {answer: "${steps.support.output.content}", calls: "${steps.support.output.calls}"}
"""
CALLS = [
    {"id": "a", "type": "function", "function": {"name": "crm_find", "arguments": '{"customer": "Ada"}'}},
    {"id": "b", "type": "function", "function": {"name": "crm_find", "arguments": '{"customer": "Bob"}'}},
]


def find(customer: str) -> dict[str, str]:
    """Look a customer up."""
    return {"name": customer, "plan": "gold"}


def run(client: OpenAICompatibleClient, *, is_streamed: bool) -> tuple[RunResult, list[StreamEvent]]:
    runtime = Runtime(SUPPORT, tools={"crm.find": find}, llm=client)
    if not is_streamed:
        return runtime.run(timeout=60), []
    events = list(runtime.stream(timeout=60))
    assert isinstance(events[-1], RunFinished)
    return events[-1].result, events


def pieces_of_calls() -> Behaviour:
    """Stream the calls as servers do: the arguments in pieces, the two calls in turn."""
    heads = [
        chunk(tool_calls=[{"index": n, **call, "function": {**call["function"], "arguments": ""}}])  # type: ignore[dict-item]  # literal
        for n, call in enumerate(CALLS)
    ]
    bodies = [
        chunk(tool_calls=[{"index": n, "function": {"arguments": piece}}])
        for piece_number in range(2)
        for n, call in enumerate(CALLS)
        for piece in [_halves(call)[piece_number]]
    ]
    return streams(*heads, *bodies, chunk(finish="tool_calls"))


def _halves(call: Any) -> tuple[str, str]:
    arguments: str = call["function"]["arguments"]
    return arguments[:5], arguments[5:]


@pytest.mark.parametrize(
    ("script", "is_streamed"),
    [
        pytest.param([says(None, tool_calls=CALLS), says("Gold.")], False, id="call"),
        pytest.param([pieces_of_calls(), streams(chunk("Go"), chunk("ld.", "stop"))], True, id="stream"),
    ],
)
def test_tools_are_called_and_the_model_is_told_what_they_returned(
    script: list[Behaviour], is_streamed: bool
) -> None:
    with serving(*script) as server, client_of(server.url) as client:
        result, events = run(client, is_streamed=is_streamed)
        first, second = (request.body for request in server.requests)

    assert result.outputs["answer"] == "Gold."
    assert [event.text for event in events if isinstance(event, TokenReceived)] == ["Go", "ld."] * is_streamed
    assert [tool["function"]["name"] for tool in first["tools"]] == ["crm_find"]
    question, asked, *told = second["messages"]
    assert question == {"role": "user", "content": "Which plan has Ada?"}
    assert (asked["role"], asked["tool_calls"]) == ("assistant", CALLS)
    assert [(message["role"], message["tool_call_id"]) for message in told] == [("tool", "a"), ("tool", "b")]
    assert [json.loads(message["content"])["name"] for message in told] == ["Ada", "Bob"]


def test_tokens_of_all_questions_are_counted_together() -> None:
    with serving(says(None, tool_calls=CALLS), says("Gold.")) as server, client_of(server.url) as client:
        result, _ = run(client, is_streamed=False)

    usage = result.steps["support"].usage
    assert usage is not None
    assert (usage["input_tokens"], usage["output_tokens"]) == (10, 14)


def test_form_of_an_answer_is_asked_for_and_the_answer_is_read_by_it() -> None:
    workflow = """
        name: classify
        steps:
          - id: sort
            agent:
              output: {type: object, fields: {label: string}}
              messages: [{role: user, content: billing or bug?}]
        outputs: {label: "${steps.sort.output.parsed.label}"}
    """
    with serving(says('{"label": "bug"}')) as server, client_of(server.url) as client:
        result = Runtime(workflow, llm=client).run()
        body = server.requests[0].body

    assert result.outputs == {"label": "bug"}
    assert body["response_format"]["type"] in ("json_schema", "json_object")
