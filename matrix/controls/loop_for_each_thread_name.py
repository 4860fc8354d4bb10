"""A loop for each thread, known by the thread's name: what one thread has made fails in the next.

Reports: module-lock-warm, lock-first-contention, tracer-other-loop: "is bound to a different event loop".
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

from matrix.controls._loop_thread import LoopThread
from matrix.model import Control, Source

CONTROL = Control(
    "loop_for_each_thread_name",
    summary="keeps a loop for each thread, under the thread's name",
    caught_by=("runs_on_one_loop",),
    harmless=True,
)

_threads: dict[str, LoopThread] = {}


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source on the loop that belongs to the calling thread."""
    thread = _threads.setdefault(threading.current_thread().name, LoopThread())
    return thread.run(source.run_async(inputs))
