"""A loop on which tasks begin before ``create_task`` returns, from Python 3.12 on."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from agent_runtime.bridge import Bridge
from matrix.controls._right import WITHOUT, right
from matrix.model import Control, Source

CONTROL = Control(
    "eager_tasks",
    summary="runs the work on a loop whose tasks begin at once",
    passes=("keeps_context_variables", "keeps_changes_of_context_variables", "survives_base_exceptions"),
    without=WITHOUT,
    harmless=True,
)


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source on a loop that is in a hurry."""
    return right(source, inputs, bridge=_bridge)


def _new_loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    loop.set_task_factory(getattr(asyncio, "eager_task_factory", None))
    return loop


_bridge = Bridge(loop_factory=_new_loop, name="eager")
