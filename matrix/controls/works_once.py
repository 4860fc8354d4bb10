"""Closes its loop at the end of the first call, and uses it for the second.

Reports: closed-loop-in-slot (pydantic-ai), prefect-sync-task-client (Prefect): "Event loop is closed".
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Mapping

from matrix.model import Control, Source

CONTROL = Control(
    "works_once",
    summary="closes the loop that it keeps for the next call",
    caught_by=("keeps_context_variables",),
    harmless=True,
)


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source on a loop made in advance; tidy up."""
    work = source.run_async(inputs)
    try:
        return _loop().run_until_complete(work)
    finally:
        work.close()
        _loop().close()


@functools.cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.SelectorEventLoop()
