"""Waits in slices, for the sake of Ctrl-C, and takes the work's ``TimeoutError`` for the end of a slice."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from matrix.controls._loop_thread import LoopThread
from matrix.model import Control, Source

CONTROL = Control(
    "polls_with_timeout_error",
    summary="takes a step's own TimeoutError for its own and waits on for ever",
    caught_by=("times_out",),
    limit=1.0,
)

_thread = LoopThread()
_SLICE = 0.05


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source on the loop thread; look up from the wait many times a second."""
    future = asyncio.run_coroutine_threadsafe(source.run_async(inputs), _thread.loop)
    while True:
        try:
            return future.result(_SLICE)
        except TimeoutError:
            continue
