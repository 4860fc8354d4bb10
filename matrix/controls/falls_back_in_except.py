"""Tries ``asyncio.run`` and turns to a thread inside ``except``: its own error hangs on the work's.

The coroutine of the first try is never awaited.

Reports: download-helper-nb (openneuro-py), run-in-except (Curator): "During handling of the above exception".
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from matrix.model import Control, Source

CONTROL = Control(
    "falls_back_in_except",
    summary="tries asyncio.run() and turns to a thread inside its except clause",
    caught_by=("returns_a_value_for_every_call", "keeps_the_context_of_a_plain_error"),
    context="asyncio_run",
    harmless=True,
)


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source here if that is not refused, else in a thread."""
    try:
        return asyncio.run(source.run_async(inputs))
    except RuntimeError:
        context = contextvars.copy_context()
        with ThreadPoolExecutor(max_workers=1) as pool:
            return pool.submit(context.run, asyncio.run, source.run_async(inputs)).result()
