"""Uses ``asyncio.run`` where no loop runs, and so whatever somebody has put in its place.

Reports: debugger-only (Uvicorn), timeout-under-patch (SeleniumBase).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from matrix.controls._right import right
from matrix.model import Control, Source

CONTROL = Control(
    "uses_asyncio_run",
    summary="calls asyncio.run(), which others replace",
    caught_by=("ignores_a_patched_asyncio_run",),
)


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source here where that can be done, else elsewhere."""
    if asyncio._get_running_loop() is None:  # noqa: SLF001 - documented; tells without raising
        return asyncio.run(source.run_async(inputs))
    return right(source, inputs)
