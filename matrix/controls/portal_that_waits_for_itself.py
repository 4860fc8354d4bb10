"""One loop thread, and no thought of calls that are made on it: the loop waits for itself.

Reports: uploadcache-own-loop (crewAI), sqlite-saver-put (LangGraph), future-result-in-async.
"""

from __future__ import annotations

from collections.abc import Mapping

from matrix.controls._loop_thread import LoopThread
from matrix.model import Control, Source

CONTROL = Control(
    "portal_that_waits_for_itself",
    summary="a call made on the loop thread waits for that same loop",
    caught_by=("allows_reentry",),
    limit=1.0,
)

_thread = LoopThread()


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source on the one loop thread, wherever the caller is."""
    return _thread.run(source.run_async(inputs))
