"""Asks for the current task to learn whether a loop runs: in a callback none is current, and a loop runs."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Mapping

from matrix.controls._right import right
from matrix.model import Control, Source

CONTROL = Control(
    "asks_for_the_task",
    summary="takes 'no current task' for 'no running loop'; wrong in callbacks",
    caught_by=("returns_the_async_value",),
    context="asyncio_callback",
)


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source here if this is no task, else elsewhere."""
    if _in_a_task():
        return right(source, inputs)
    return _loop().run_until_complete(source.run_async(inputs))


def _in_a_task() -> bool:
    try:
        return asyncio.current_task() is not None
    except RuntimeError:
        return False


@functools.cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.SelectorEventLoop()
