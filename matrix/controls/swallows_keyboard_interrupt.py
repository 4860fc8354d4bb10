"""Ctrl-C ends the work, and the caller gets nothing instead of ``KeyboardInterrupt``: its loop goes on."""

from __future__ import annotations

from collections.abc import Mapping

from matrix.controls._loop_thread import LoopThread
from matrix.model import Control, Source

CONTROL = Control(
    "swallows_keyboard_interrupt",
    summary="turns KeyboardInterrupt into an empty result",
    caught_by=("cancels_on_ctrl_c", "survives_base_exceptions"),
)

_thread = LoopThread()


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source on the loop thread; an interrupted run has no outputs."""
    pending = _thread.submit(source.run_async(inputs))
    try:
        pending.done.wait()
        return pending.take()
    except KeyboardInterrupt:
        pending.cancel()
        pending.done.wait()
        return {}
