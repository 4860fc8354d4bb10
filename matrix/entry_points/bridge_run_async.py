"""``bridge.run_async()``: work for async code of another loop, here that of a second bridge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from agent_runtime.bridge import Bridge, run_async
from matrix.entry_points.bridge_run_sync import sent_to_caller
from matrix.entry_points.run_workflow import call_async
from matrix.model import EntryPoint, Source

__all__ = ("ENTRY_POINT", "call", "call_async")

ENTRY_POINT = EntryPoint(
    "bridge_run_async",
    label="bridge.run_async()",
    without={
        "raises_stop_iteration": "no coroutine can raise StopIteration: Python makes a RuntimeError of it",
        "refuses_a_circular_wait": "the caller looks at the loop that awaits, not at the one that works",
    },
    gate_contexts=("asyncio_run", "finaliser", "plain_script"),
)

_HOST = Bridge(name="matrix host")
"""Whose loop awaits; the calling thread waits for that."""
_NAMES = ("bridge.run_async", "call_async")
"""What messages of the bridge call this, and what to await instead."""


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Return the outputs of one run; blocks the calling thread."""
    functions = {name: sent_to_caller(step) for name, step in source.functions.items()}
    return _HOST.run_sync(run_async, call_async, replace(source, functions=functions), inputs, names=_NAMES)
