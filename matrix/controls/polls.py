"""Looks a thousand times a second whether the work has ended: a waste, and right as far as it goes."""

from __future__ import annotations

import time
from collections.abc import Mapping

from matrix.controls._loop_thread import LoopThread
from matrix.model import Control, Source

CONTROL = Control(
    "polls",
    summary="polls for the end of the work instead of waiting for it",
    passes=(
        "raises_the_steps_own_exception",
        "serves_many_threads",
        "runs_on_one_loop",
        "reuses_http_client",
    ),
    without=(
        "abandons_on_second_ctrl_c",
        "allows_reentry",
        "cancels_on_ctrl_c",
        "raises_stop_iteration",
        "refuses_a_circular_wait",
        "runs_def_steps_on_calling_thread",
        "warns_when_it_blocks_a_loop",
        "works_in_a_forked_child",
        "works_without_threads",
    ),
    harmless=True,
)

_thread = LoopThread()


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source on the loop thread, looking at it all the time."""
    pending = _thread.submit(source.run_async(inputs))
    while not pending.done.is_set():
        time.sleep(0.001)
    return pending.take()
