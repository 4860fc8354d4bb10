"""The LLM client of an agent step sees the caller's context variables: traces, tenants, budgets."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Mapping

from matrix.model import Probe, Run, Source, expect

PROBE = Probe(
    "keeps_context_variables_in_llm_calls",
    claim="the LLM client of an agent step sees the caller's context variables",
    promise="S3",
)

_TEXT = """
name: agent
steps:
  - id: ask
    agent:
      scenario: tracer
      version: "1"
      messages: [{role: user, content: which trace is this}]
outputs:
  answer: "${steps.ask.output.content}"
"""

_trace: contextvars.ContextVar[str] = contextvars.ContextVar("trace", default="lost")


class _AsyncClient:
    async def call_llm(self, **asked: object) -> dict[str, object]:
        del asked
        await asyncio.sleep(0)
        return {"content": _trace.get()}


class _BlockingClient:
    def call_llm(self, **asked: object) -> dict[str, object]:
        del asked
        return {"content": _trace.get()}


def check(run: Run) -> None:
    for client in (_AsyncClient(), _BlockingClient()):
        token = _trace.set("t-1")
        try:
            outputs = run(Source(_TEXT, llm=client), {})
        finally:
            _trace.reset(token)

        expect(got=outputs["answer"], wanted="t-1", of=f"trace in {type(client).__name__}.call_llm")


def broken(run: Run) -> Run:
    """Lose the caller's variables on the way, as a pool of threads does."""

    def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
        return contextvars.Context().run(run, source, inputs)

    return call
