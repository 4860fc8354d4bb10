"""Waits for work that waits for the loop which the caller keeps standing still: for ever, in silence.

Reports: side-loop-needs-main (griptape), asgiref-create-task (asgiref).
"""

from __future__ import annotations

from collections.abc import Mapping

from matrix.controls._loop_thread import LoopThread
from matrix.model import Control, Source

CONTROL = Control(
    "waits_in_a_circle",
    summary="waits for work that waits for the caller's own loop",
    caught_by=("refuses_a_circular_wait",),
    context="asyncio_run",
    harmless=True,
)

_thread = LoopThread()


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source on a thread of which the caller's loop knows nothing."""
    return _thread.run(source.run_async(inputs))
