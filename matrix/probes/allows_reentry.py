"""A step calls the sync entry point again, and that call's step again: ``def``, ``async def``, mixed."""

from __future__ import annotations

from matrix.model import Probe, Run, Source, expect
from matrix.probes._busy import nested, one_call_at_a_time

PROBE = Probe(
    "allows_reentry",
    claim="a sync entry point can be called inside a def step and inside an async def step, many levels deep",
    promise="S5",
)

_TEXT = """
name: level
inputs:
  path: {{type: string}}
steps:
  - id: descend
    {kind}: descend
    with: {{path: "${{inputs.path}}"}}
outputs:
  levels: "${{steps.descend.output}}"
"""


class _Levels:
    """Each letter of a path is one level: ``d`` for a def step, ``a`` for an async def step."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def enter(self, path: str) -> object:
        if not path:
            return []
        text = _TEXT.format(kind="function" if path[0] == "d" else "tool")
        source = Source(text, functions={"descend": self._descend}, tools={"descend": self._descend_async})
        return nested(self._run, source, {"path": path}, of=f"the call for path {path!r}")["levels"]

    def _descend(self, path: str) -> list[object]:
        return [path[0], self.enter(path[1:])]

    async def _descend_async(self, path: str) -> list[object]:
        return self._descend(path)


def check(run: Run) -> None:
    for path in ("dd", "aa", "da", "ad", "ddddd", "aaaaa", "dadadada"):
        wanted: list[object] = []
        for letter in reversed(path):
            wanted = [letter, wanted]

        expect(got=_Levels(run).enter(path), wanted=wanted, of=f"levels of {path}")


def broken(run: Run) -> Run:
    """Refuse a call while another is in progress."""
    return one_call_at_a_time(run)
