"""A step that swallows its cancellation makes the deadline disappear: the call returns as if it were in time.

Reports: swallow-in-step (matrix-nio), cancel-swallowed (CPython).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import replace

from matrix.controls._loop_thread import LoopThread
from matrix.model import Control, Source

CONTROL = Control(
    "deadline_swallowed_with_the_cancellation",
    summary="reports no deadline when the work that it cancelled ends in a result",
    caught_by=("times_out",),
    harmless=True,
)

_thread = LoopThread()


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source on the loop thread; a result is a result, however late."""
    pending = _thread.submit(replace(source, timeout=None).run_async(inputs))
    if not pending.done.wait(source.timeout):
        pending.cancel()
        pending.done.wait()
    with contextlib.suppress(asyncio.CancelledError):
        return pending.take()
    return {"value": None}
