"""The deadline cancels the work, and comes out while its cleanup still runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from matrix.controls._loop_thread import LoopThread
from matrix.model import Control, Source

CONTROL = Control(
    "deadline_does_not_wait_for_cleanup",
    summary="cancels at the deadline and does not wait for the cleanup",
    caught_by=("times_out",),
    harmless=True,
)

_thread = LoopThread()


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source on the loop thread, and cancel it when its time is up."""
    pending = _thread.submit(replace(source, timeout=None).run_async(inputs))
    if not pending.done.wait(source.timeout):
        pending.cancel()
        raise TimeoutError(f"the work did not end within {source.timeout} s")
    return pending.take()
