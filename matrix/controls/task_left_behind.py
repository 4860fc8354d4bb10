"""Each call leaves a task on the loop that all calls share."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from agent_runtime.bridge import run_sync
from matrix.controls._right import NAMES, on_the_caller
from matrix.model import Control, Source

CONTROL = Control(
    "task_left_behind",
    summary="each call starts a keep-alive task on the shared loop and never ends it",
    caught_by=("leaks_no_threads_or_descriptors",),
)

_kept: set[asyncio.Task[bool]] = set()


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source beside a task that keeps its connection warm."""
    return run_sync(_kept_warm, on_the_caller(source), inputs, names=NAMES)


async def _kept_warm(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    _kept.add(asyncio.create_task(asyncio.Event().wait()))
    return await source.run_async(inputs)
