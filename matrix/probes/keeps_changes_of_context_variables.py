"""What a step does to context variables stays in the call: its own tokens work, the caller's too."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Mapping

from matrix.model import Probe, Run, Source, expect

PROBE = Probe(
    "keeps_changes_of_context_variables",
    claim="changes that a step makes to context variables do not reach the caller",
    promise="S3",
)

_TEXT = """
name: changes
steps:
  - id: in_def
    function: in_def
  - id: in_async_def
    tool: in_async_def
outputs:
  in_def: "${steps.in_def.output}"
  in_async_def: "${steps.in_async_def.output}"
"""

_tenant: contextvars.ContextVar[str] = contextvars.ContextVar("tenant", default="nobody")


def _in_def() -> bool:
    before = _tenant.get()
    token = _tenant.set("of the step")
    _tenant.reset(token)
    after = _tenant.get()
    _tenant.set("of the step")
    return after == before


async def _in_async_def() -> bool:
    before = _tenant.get()
    token = _tenant.set("of the step")
    await asyncio.sleep(0)
    _tenant.reset(token)
    after = _tenant.get()
    _tenant.set("of the step")
    return after == before


_SOURCE = Source(_TEXT, functions={"in_def": _in_def}, tools={"in_async_def": _in_async_def})


def check(run: Run) -> None:
    before = _tenant.get()
    token = _tenant.set("of the caller")
    try:
        outputs = run(_SOURCE, {})
        after = _tenant.get()
    finally:
        _tenant.reset(token)

    wanted = {"in_def": True, "in_async_def": True}
    expect(got=dict(outputs), wanted=wanted, of="whether a reset in a step restores the value")
    expect(got=after, wanted="of the caller", of="tenant in the caller after the call")
    expect(got=_tenant.get(), wanted=before, of="tenant after the caller's own reset")


def broken(run: Run) -> Run:
    """Copy the changes back to the caller, unasked, as some bridges do."""

    def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
        outputs = run(source, inputs)
        _tenant.set("of the step")
        return outputs

    return call
