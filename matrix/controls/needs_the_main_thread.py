"""Takes over a signal before each call, which only the main thread may.

Reports: register-in-worker (GraphRAG), cloud-functions (Crawlee), add-handler-not-main (CPython).
"""

from __future__ import annotations

import signal
from collections.abc import Mapping

from matrix.controls._right import right
from matrix.model import Control, Source

CONTROL = Control(
    "needs_the_main_thread",
    summary="installs a signal handler for the call: 'signal only works in main thread'",
    caught_by=("returns_the_async_value",),
    context="executor_thread",
    harmless=True,
)


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source with Ctrl-C in its own hands."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return right(source, inputs)
    finally:
        signal.signal(signal.SIGINT, previous)
