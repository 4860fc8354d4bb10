"""A thread is joined: under a running loop, the first Ctrl-C does nothing until the call ends.

Report: windows-future-wait (AnyIO). ``asyncio.run`` turns the key into a cancellation, which cannot reach a
task that stands still.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Mapping

from matrix.model import Control, Source

CONTROL = Control(
    "ctrl_c_waits_for_the_end",
    summary="joins a thread beside a running loop, where the first Ctrl-C changes nothing",
    caught_by=("cancels_on_ctrl_c",),
    context="asyncio_run",
)


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source in a new thread, and wait for that."""
    results: list[Mapping[str, object]] = []

    def work() -> None:
        results.append(asyncio.run(source.run_async(inputs)))

    thread = threading.Thread(target=contextvars.copy_context().run, args=(work,))
    thread.start()
    thread.join()
    return results[0]
