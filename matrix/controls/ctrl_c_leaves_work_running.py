"""Ctrl-C ends the wait and not the work, which goes on in the background.

Reports: fsspec-ctrl-c (filesystem_spec), dask-sync-ctrl-c (Dask): the work goes on after KeyboardInterrupt.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from matrix.controls._loop_thread import LoopThread
from matrix.model import Control, Source

CONTROL = Control(
    "ctrl_c_leaves_work_running",
    summary="Ctrl-C ends the wait at once and leaves the work running",
    caught_by=("cancels_on_ctrl_c",),
)

_thread = LoopThread()


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source on the loop thread and wait for a future."""
    return asyncio.run_coroutine_threadsafe(source.run_async(inputs), _thread.loop).result()
