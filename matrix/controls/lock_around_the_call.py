"""A lock that is held during the call: a signal handler that calls in again waits for the code it interrupts.

Most bridges of the field hang like this, in a lock of their own or of ``threading`` and executors.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

from matrix.controls._loop_thread import LoopThread
from matrix.model import Control, Source

CONTROL = Control(
    "lock_around_the_call",
    summary="holds a lock while it submits and waits; a signal handler that calls in again deadlocks",
    caught_by=("returns_the_async_value",),
    context="signal_handler_during_call",
    limit=1.0,
    platforms=("linux", "darwin"),
)

_thread = LoopThread()
_one_at_a_time = threading.Lock()


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source, one call at a time."""
    with _one_at_a_time:
        return _thread.run(source.run_async(inputs))
