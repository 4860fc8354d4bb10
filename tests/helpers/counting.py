"""A workflow of two steps, the tool that they call, and a look at how a kept run stands."""

from __future__ import annotations

from agent_runtime import Storage
from agent_runtime.storage import RunState

__all__ = ("TWO", "Counter", "OwnError", "state_of")

TWO = """
name: two
inputs: {n: integer}
steps:
  - {id: a, tool: count, with: {value: "${inputs.n}"}}
  - {id: b, tool: count, with: {value: "${steps.a.output}"}}
"""


class OwnError(Exception):
    pass


class Counter:
    """A tool that notes what it is called with, and fails when it is told to."""

    def __init__(self) -> None:
        self.calls: list[object] = []
        self.fails_at: object = None

    async def __call__(self, value: object) -> object:
        self.calls.append(value)
        if value == self.fails_at:
            raise OwnError(value)
        return value + 1 if isinstance(value, int) else value


def state_of(storage: Storage, run_id: str) -> RunState:
    run = storage.load(run_id)
    assert run is not None
    return run.state
