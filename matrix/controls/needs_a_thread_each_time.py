"""Starts a thread for each call, where none may be had.

Reports: wasm-no-threads (pydantic-ai), atexit-new-thread (execnet): "can't start new thread".
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Mapping

from matrix.controls._right import right
from matrix.model import Control, Source

CONTROL = Control(
    "needs_a_thread_each_time",
    summary="starts a thread for each call and has no other way",
    caught_by=("works_without_threads",),
)


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source from a thread of its own."""
    results: list[Mapping[str, object]] = []

    def work() -> None:
        results.append(right(source, inputs))

    thread = threading.Thread(target=contextvars.copy_context().run, args=(work,))
    thread.start()
    thread.join()
    return results[0]
