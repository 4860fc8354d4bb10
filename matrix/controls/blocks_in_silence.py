"""Blocks a running loop for as long as the work takes, and says nothing, also where it can never end.

Reports: flow-zombie (Prefect), snowflake-502 (agentlys), side-loop-needs-main (griptape).
"""

from __future__ import annotations

from collections.abc import Mapping

from agent_runtime.bridge import run_sync
from matrix.controls._right import NAMES, on_the_caller
from matrix.model import Control, Source

CONTROL = Control(
    "blocks_in_silence",
    summary="blocks the caller's loop and does not say so",
    caught_by=("warns_when_it_blocks_a_loop",),
    context="asyncio_run",
)


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source, whatever stands still meanwhile."""
    return run_sync(on_the_caller(source).run_async, inputs, on_running_loop="allow", names=NAMES)
