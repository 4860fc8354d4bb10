"""``asyncio.run`` on the calling thread where none runs: afterwards no loop is the current one.

Report: run-clears-slot (CPython): "There is no current event loop in thread 'MainThread'".
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from matrix.controls._right import right
from matrix.model import Control, Source

CONTROL = Control(
    "current_loop_taken_away",
    summary="runs something small with asyncio.run() first, which leaves no current loop",
    caught_by=("ignores_the_current_loop",),
    harmless=True,
)


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Warm up on the calling thread, if no loop runs there."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(asyncio.sleep(0))
    return right(source, inputs)
