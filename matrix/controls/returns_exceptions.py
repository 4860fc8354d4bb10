"""What a step raised becomes the result, as text for whoever reads on.

Report: async-tool-in-async-flow (crewAI): the error's text is returned as the tool's result.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from agent_runtime.bridge import run_sync
from matrix.controls._right import NAMES, on_the_caller
from matrix.model import Control, Source

CONTROL = Control(
    "returns_exceptions",
    summary="gathers with return_exceptions=True and returns what comes",
    caught_by=("never_returns_a_failure",),
    harmless=True,
)


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source, and keep going whatever becomes of it."""
    return run_sync(_gathered, on_the_caller(source), inputs, names=NAMES)


async def _gathered(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    (outcome,) = await asyncio.gather(source.run_async(inputs), return_exceptions=True)
    return {"report": f"Error: {outcome}"} if isinstance(outcome, BaseException) else outcome
