"""Where an agent step tells a tracer what it does: questions to models, and the tools that they call.

Neither a question nor an answer, neither arguments nor results of tools are told.
"""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

from agent_runtime.engine.plan import PlainRun
from agent_runtime.engine.steps import Reply, Surroundings, ToolResult, Trace
from agent_runtime.llm.retry_hook import told_of_repeats
from agent_runtime.outcomes import Outcome
from agent_runtime.tracing.spans import Passage, SpanKind, State, Tracer, ended_by

__all__ = ("QuestionTracing",)

R = TypeVar("R", bound=ToolResult)
T = TypeVar("T")

_LONGEST = 200
"""Characters of a name that somebody else has given; a guess."""

_SETTINGS = (
    "frequency_penalty",
    "max_tokens",
    "presence_penalty",
    "seed",
    "temperature",
    "top_k",
    "top_p",
)
"""Numbers under ``config`` that are told; the names are OpenTelemetry's and those of most servers."""


class QuestionTracing:
    """Tells a tracer of the questions and tools of one run.

    Args:
        tracer: who is told.
    """

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    async def model(
        self,
        question: Mapping[str, object],
        around: Surroundings,
        trace: Trace,
        work: Coroutine[Any, Any, Outcome[Reply]],
    ) -> Outcome[Reply]:
        """Put a question to a language model, in the task of its step."""
        told = _told_of_question(question, around, trace)
        name = told.get("model") or told["client"]
        passage = Passage(self._tracer, SpanKind.MODEL, str(name), around.run_id, told)
        said = passage.span.attributes

        def count(_: str) -> None:
            said["asked_again"] = said.get("asked_again", 0) + 1  # type: ignore[operator]  # a number

        with told_of_repeats(count):
            outcome = await _seen_through(passage, work, around)
        if outcome.value is not None:
            said.update(_told_of_reply(outcome.value))
        state, fault = ended_by(outcome.error, around)
        passage.end(state, error=fault)
        return outcome

    async def tool(
        self, trace: Trace, call_id: str, around: Surroundings, work: Coroutine[Any, Any, Outcome[R]]
    ) -> Outcome[R]:
        """Carry out a call of a tool, in the task of its step, or one of those that share its calls."""
        name = "unknown tool" if trace.tool is None else trace.tool  # what a model makes up is no name
        told = {"call_id": call_id[:_LONGEST]}
        passage = Passage(self._tracer, SpanKind.TOOL, name, around.run_id, told)
        outcome = await _seen_through(passage, work, around)
        state, fault = ended_by(outcome.error, around)
        if outcome.value is not None and outcome.value.fault is not None:
            state, fault = State.FAILED, (outcome.value.fault, outcome.value.content)
        passage.end(state, error=fault)
        return outcome


async def _seen_through(
    passage: Passage, work: Coroutine[Any, Any, Outcome[T]], around: Surroundings
) -> Outcome[T]:
    """Await the work of a span; where it is cancelled, end the span."""
    try:
        return await work
    except BaseException as error:
        state, fault = ended_by(error, around)
        passage.end(state, error=fault)
        raise


def _told_of_question(
    question: Mapping[str, object], around: Surroundings, trace: Trace
) -> dict[str, object]:
    """Return what is to be said of a question before it is put: names and settings."""
    client, config = around.llm.client, question["config"]
    config = config if isinstance(config, Mapping) else {}
    asked = config.get("model") or _said_by(client, "model_name")
    told: dict[str, object] = {
        "client": type(client).__name__,
        "provider": _name(_said_by(client, "provider_name")) or type(client).__name__,
        "model": _name(asked),
        "scenario": _name(question["prompt_template"]),
        "request": {key: config[key] for key in _SETTINGS if type(config.get(key)) in (int, float)},
        "output_type": "json" if config.get("response_format") else None,
        "purpose": "summary" if str(question["task_id"]).endswith(":summary") else None,
    }
    if isinstance(trace, PlainRun) and trace.plan.step.retry.attempts > 1:
        told["attempt"] = trace.attempts
    return {key: value for key, value in told.items() if value}


def _told_of_reply(reply: Reply) -> dict[str, object]:
    """Return what is to be said of a reply: names and numbers."""
    calls = reply.said.get("tool_calls")
    told: dict[str, object] = {
        "answered_by": _name(reply.said.get("model")),
        "answer_id": _name(reply.said.get("id")),
        "finish_reason": _name(reply.said.get("finish_reason")),
        "calls": len(calls) if isinstance(calls, list | tuple) else None,
        "usage": {key: value for key, value in (reply.usage or {}).items() if type(value) in (int, float)},
    }
    return {key: value for key, value in told.items() if value}


def _said_by(client: object, attribute: str) -> object:
    """Return what a client says of itself, if it does: a trace does no harm to a run."""
    try:
        return getattr(client, attribute, None)
    except Exception:  # noqa: BLE001 - a property of the host's own
        return None


def _name(value: object) -> str | None:
    """Return a name that somebody else has given, if it is one."""
    return value[:_LONGEST] if isinstance(value, str) and value else None
