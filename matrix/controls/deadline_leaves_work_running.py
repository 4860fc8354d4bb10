"""The deadline ends the wait; the work goes on without anybody.

Report: timed-out-keeps-running (interlock): the worker continues after the timeout.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from matrix.controls._loop_thread import LoopThread
from matrix.model import Control, Source

CONTROL = Control(
    "deadline_leaves_work_running",
    summary="raises TimeoutError at the deadline and leaves the work running",
    caught_by=("times_out",),
    harmless=True,
)

_thread = LoopThread()


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source on the loop thread, and wait no longer than asked."""
    work = replace(source, timeout=None).run_async(inputs)
    return asyncio.run_coroutine_threadsafe(work, _thread.loop).result(source.timeout)
