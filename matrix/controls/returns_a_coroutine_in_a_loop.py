"""Two colours: returns outputs in a script, and something to await where a loop runs.

Reports: subflow-never-awaited, frame-guessing (Prefect), async-cb-in-sync-run (LangChain).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import cast

from matrix.controls._right import right
from matrix.model import Control, Source

CONTROL = Control(
    "returns_a_coroutine_in_a_loop",
    summary="returns a coroutine where a loop runs, and outputs where none does",
    caught_by=("returns_a_value_for_every_call", "returns_the_async_value"),
    context="asyncio_run",
    harmless=True,
)


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source, or let the caller await it."""
    if asyncio._get_running_loop() is not None:  # noqa: SLF001 - documented; tells without raising
        return cast("Mapping[str, object]", source.run_async(inputs))
    return right(source, inputs)
