"""A step sees the context variables that the caller had set: in ``def``, ``async def``, tasks, threads."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Mapping

from matrix.model import Probe, Run, Source, expect

PROBE = Probe(
    "keeps_context_variables",
    claim="a step sees the caller's context variables",
    promise="S3",
)

_TEXT = """
name: context variables
steps:
  - id: in_def
    function: in_def
  - id: in_async_def
    tool: in_async_def
outputs:
  in_def: "${steps.in_def.output}"
  in_async_def: "${steps.in_async_def.output}"
"""

_request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="lost")


async def _in_async_def() -> list[str]:
    seen = [_request_id.get()]
    await asyncio.sleep(0)
    seen.append(_request_id.get())
    seen.append(await asyncio.create_task(_in_task()))
    seen.append(await asyncio.to_thread(_request_id.get))
    return seen


async def _in_task() -> str:
    return _request_id.get()


_SOURCE = Source(_TEXT, functions={"in_def": _request_id.get}, tools={"in_async_def": _in_async_def})


def check(run: Run) -> None:
    for request in ("r-1", "r-2"):
        token = _request_id.set(request)
        try:
            outputs = run(_SOURCE, {})
        finally:
            _request_id.reset(token)

        expect(got=outputs["in_def"], wanted=request, of="request_id in a def step")
        wanted = [request] * 4
        expect(got=outputs["in_async_def"], wanted=wanted, of="request_id in an async def step")


def broken(run: Run) -> Run:
    """Lose the caller's variables on the way, as a bare thread does."""

    def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
        return contextvars.Context().run(run, source, inputs)

    return call
