"""OpenTelemetry is told of questions and tools in the words of its conventions for generative AI."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from agent_runtime import Options, ScriptedClient, ToolError, run_workflow, tool_calls
from agent_runtime.tracing import OpenTelemetryTracer

pytest.importorskip("opentelemetry.sdk", reason="`nox -s tests` brings opentelemetry-sdk")

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.trace import SpanKind, StatusCode

from tests.helpers.exported import Exported

SUPPORT = """
name: support
steps:
  - id: ask
    for_each: [Ada]
    agent:
      scenario: helper
      config: {model: small, temperature: 0.5, max_tokens: 100, stop: confidential}
      tools: [crm.find, broken]
      output: {fields: {plan: string}}
      messages: [{role: user, content: "A confidential question on ${item}"}]
"""
REPLY = {
    "content": '{"plan": "confidential answer"}',
    "model": "small-2",
    "id": "answer-7",
    "finish_reason": "length",
    "usage": {"input_tokens": 12, "output_tokens": 3, "cached_input_tokens": 4, "reasoning_tokens": 1},
}


class Acme(ScriptedClient):
    """Asks a server, as it says itself; its own client library makes a span for that."""

    provider_name = "acme"

    def __init__(self, provider: TracerProvider, *replies: Any) -> None:
        super().__init__({"ask": list(replies)})
        self._own = provider.get_tracer("http")

    def call_llm(self, **question: Any) -> Mapping[str, object]:
        with self._own.start_as_current_span("POST"):
            return super().call_llm(**question)


@pytest.fixture(scope="module")
def spans() -> Sequence[ReadableSpan]:
    """What comes out of a run whose model calls two tools, one of which fails, and then answers."""
    exported = Exported()
    provider, own = exported.provider, exported.own

    def find(customer: str) -> str:
        with own.start_as_current_span("SELECT"):
            return f"a confidential result for {customer}"

    async def broken() -> None:
        raise ToolError("a confidential reason")

    client = Acme(
        provider, tool_calls(("crm.find", {"customer": "a confidential argument"}), "broken"), REPLY
    )
    options = Options(trace=OpenTelemetryTracer(provider))
    run_workflow(SUPPORT, tools={"crm.find": find, "broken": broken}, llm=client, options=options)
    return exported.spans


def named(spans: Sequence[ReadableSpan], name: str) -> list[ReadableSpan]:
    return [span for span in spans if span.name == name]


def path_to(spans: Sequence[ReadableSpan], span: ReadableSpan) -> list[str]:
    by_id = {each.context.span_id: each for each in spans}
    around = [] if span.parent is None else path_to(spans, by_id[span.parent.span_id])
    return [*around, span.name]


def genai(span: ReadableSpan) -> dict[str, object]:
    given = span.attributes or {}
    return {key: value for key, value in given.items() if key.startswith(("gen_ai.", "error."))}


def test_question_has_the_names_of_the_conventions(spans: Sequence[ReadableSpan]) -> None:
    _, last = named(spans, "chat small")

    assert last.kind is SpanKind.CLIENT
    assert genai(last) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "acme",
        "gen_ai.request.model": "small",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 100,
        "gen_ai.output.type": "json",
        "gen_ai.response.model": "small-2",
        "gen_ai.response.id": "answer-7",
        "gen_ai.response.finish_reasons": ("length",),
        "gen_ai.usage.input_tokens": 12,
        "gen_ai.usage.output_tokens": 3,
        "gen_ai.usage.cache_read.input_tokens": 4,
        "gen_ai.usage.reasoning.output_tokens": 1,
    }


def test_tool_has_the_names_of_the_conventions(spans: Sequence[ReadableSpan]) -> None:
    (find,), (broken,) = named(spans, "execute_tool crm.find"), named(spans, "execute_tool broken")

    assert find.kind is SpanKind.INTERNAL
    assert genai(find) == {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "crm.find",
        "gen_ai.tool.type": "function",
        "gen_ai.tool.call.id": "call_1",
    }
    assert genai(broken)["error.type"] == "ToolError"
    assert (broken.status.status_code, broken.status.description) == (StatusCode.ERROR, "ToolError")


def test_agent_step_is_an_invocation_and_counts_no_tokens_twice(spans: Sequence[ReadableSpan]) -> None:
    (step,) = named(spans, "step ask[]")

    assert genai(step) == {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "ask"}
    counted = {span.name for span in spans if "gen_ai.usage.input_tokens" in (span.attributes or {})}
    used = [genai(span)["gen_ai.usage.input_tokens"] for span in named(spans, "chat small")]
    assert counted == {"chat small"}
    assert (step.attributes or {})["agent_runtime.usage.input_tokens"] == sum(map(int, map(str, used)))


def test_agent_step_has_the_codes_of_its_warnings(spans: Sequence[ReadableSpan]) -> None:
    (step,), (outer,) = named(spans, "step ask[]"), named(spans, "step ask")

    assert (step.attributes or {})["agent_runtime.warnings"] == ("answer_cut_off",)
    assert "agent_runtime.warnings" not in (outer.attributes or {})


def test_spans_of_client_libraries_stand_in_their_question_and_their_tool(
    spans: Sequence[ReadableSpan],
) -> None:
    step = ["call run_workflow", "run support", "step ask", "step ask[]"]

    posts = [path_to(spans, span) for span in named(spans, "POST")]
    (select,) = named(spans, "SELECT")

    assert [path[:-2] for path in posts] == [[*step, "chat small"]] * 2
    assert path_to(spans, select)[:-2] == [*step, "execute_tool crm.find"]


def test_no_question_answer_argument_or_result_is_told(spans: Sequence[ReadableSpan]) -> None:
    assert [span.name for span in spans if "confidential" in span.to_json()] == []
