"""Each call starts a thread that goes on when the call is over.

Report: server-threads (pydantic-ai): from 30 to 800 threads in eight hours.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

from matrix.controls._right import right
from matrix.model import Control, Source

CONTROL = Control(
    "thread_left_behind",
    summary="each call starts a daemon thread that waits for more work for ever",
    caught_by=("leaks_no_threads_or_descriptors",),
)


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Start a helper for the call, and forget it."""
    threading.Thread(target=threading.Event().wait, daemon=True).start()
    return right(source, inputs)
