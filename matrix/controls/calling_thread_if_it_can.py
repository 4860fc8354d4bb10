"""No thread at all where no loop runs: the work runs on the calling thread, in a loop of the call's own.

Right, and less than a loop thread: what one call makes on its loop does not work in the next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from agent_runtime.bridge import run_sync
from matrix.controls._right import NAMES, WITHOUT, on_the_caller, right
from matrix.model import Control, Source

CONTROL = Control(
    "calling_thread_if_it_can",
    summary="runs on the calling thread where no loop runs, else on the loop thread",
    passes=("allows_reentry", "leaks_no_threads_or_descriptors", "ignores_the_current_loop", "times_out"),
    without=(*WITHOUT, "runs_on_one_loop", "reuses_http_client"),
    harmless=True,
)


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source here, if no loop runs in this thread."""
    if asyncio._get_running_loop() is None:  # noqa: SLF001 - documented; tells without raising
        return run_sync(on_the_caller(source).run_async, inputs, strategy="direct", names=NAMES)
    return right(source, inputs)
