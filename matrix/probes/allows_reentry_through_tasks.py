"""A sync call inside a worker thread inside a task inside an async step: the sandwich of servers."""

from __future__ import annotations

import asyncio

from matrix.model import Probe, Run, Source, expect
from matrix.probes._busy import nested, one_call_at_a_time

PROBE = Probe(
    "allows_reentry_through_tasks",
    claim="a sync entry point can be called in threads and tasks that a step started",
    promise="S5",
)

_TEXT = """
name: sandwich
inputs:
  depth: {type: integer}
steps:
  - id: descend
    tool: descend
    with: {depth: "${inputs.depth}"}
outputs:
  depth: "${steps.descend.output}"
"""


class _Sandwich:
    def __init__(self, run: Run) -> None:
        self._source = Source(_TEXT, tools={"descend": self._descend})
        self._run = run

    def enter(self, depth: int) -> object:
        return nested(self._run, self._source, {"depth": depth}, of=f"the call at depth {depth}")["depth"]

    async def _descend(self, depth: int) -> int:
        if depth == 0:
            return 0
        below = asyncio.create_task(asyncio.to_thread(self.enter, depth - 1))
        beside = asyncio.create_task(asyncio.to_thread(self.enter, 0))
        found, other = await asyncio.gather(below, beside)
        assert isinstance(found, int)
        assert other == 0
        return found + 1


def check(run: Run) -> None:
    expect(got=_Sandwich(run).enter(3), wanted=3, of="depth reached")


def broken(run: Run) -> Run:
    """Refuse a call while another is in progress."""
    return one_call_at_a_time(run)
