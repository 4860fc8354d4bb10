"""What a span is in the words of OpenTelemetry for generative AI: names and numbers, never a text.

The words are those of its semantic conventions, which are still being developed.
"""

from __future__ import annotations

from collections.abc import Mapping

from agent_runtime.tracing.spans import Span, SpanKind

__all__ = ("attributes", "attributes_of_end", "name")

Attribute = str | int | float | list[str]

_TOKENS = {
    "input_tokens": "gen_ai.usage.input_tokens",
    "output_tokens": "gen_ai.usage.output_tokens",
    "cached_input_tokens": "gen_ai.usage.cache_read.input_tokens",
    "reasoning_tokens": "gen_ai.usage.reasoning.output_tokens",
}


def name(span: Span) -> str | None:
    """Return what the conventions call a span; None if they know no such thing."""
    if span.kind is SpanKind.MODEL:
        return f"chat {span.attributes['model']}" if "model" in span.attributes else "chat"
    return f"execute_tool {span.name}" if span.kind is SpanKind.TOOL else None


def attributes(span: Span) -> dict[str, Attribute]:
    """Return what is known of a question, a tool or an agent step when it begins."""
    said = span.attributes
    if span.kind is SpanKind.STEP and "agent" in said:
        return {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": str(said["agent"])}
    if span.kind is SpanKind.TOOL:
        return {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": span.name,
            "gen_ai.tool.type": "function",
            "gen_ai.tool.call.id": str(said["call_id"]),
        }
    if span.kind is not SpanKind.MODEL:
        return {}
    found: dict[str, Attribute] = {"gen_ai.operation.name": "chat"}
    _add(found, said, {"provider": "gen_ai.provider.name", "model": "gen_ai.request.model"})
    _add(found, said, {"output_type": "gen_ai.output.type", "scenario": "agent_runtime.scenario"})
    _add(found, said, {"purpose": "agent_runtime.purpose", "attempt": "agent_runtime.attempt"})
    settings = said.get("request")
    for key, value in settings.items() if isinstance(settings, dict) else ():
        found[f"gen_ai.request.{key}"] = value
    return found


def attributes_of_end(span: Span) -> dict[str, Attribute]:
    """Return what is known of it when it has ended.

    What a step has used is the sum of its questions, and is told in words of our own: whoever adds up the
    conventions' ones over all spans must not count it twice.
    """
    found: dict[str, Attribute] = {}
    usage = span.attributes.get("usage")
    if not isinstance(usage, dict):
        usage = {}
    if span.kind is not SpanKind.MODEL:
        return {f"agent_runtime.usage.{key}": value for key, value in usage.items()}
    _add(found, span.attributes, {"answered_by": "gen_ai.response.model", "answer_id": "gen_ai.response.id"})
    _add(found, usage, _TOKENS)
    _add(found, usage, {"cost": "agent_runtime.usage.cost"})
    _add(found, span.attributes, {"asked_again": "agent_runtime.asked_again"})
    if isinstance(reason := span.attributes.get("finish_reason"), str):
        found["gen_ai.response.finish_reasons"] = [reason]
    return found


def _add(found: dict[str, Attribute], said: Mapping[str, object], words: Mapping[str, str]) -> None:
    """Put what is said under the names that others know it by."""
    found.update(
        (word, value) for key, word in words.items() if isinstance(value := said.get(key), str | int | float)
    )
