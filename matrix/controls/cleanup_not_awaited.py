"""Ctrl-C cancels the work and comes out before its cleanup has ended.

Report: aexit-skipped (CPython): ``__aexit__`` never called on Ctrl-C.
"""

from __future__ import annotations

from collections.abc import Mapping

from matrix.controls._loop_thread import LoopThread
from matrix.model import Control, Source

CONTROL = Control(
    "cleanup_not_awaited",
    summary="Ctrl-C cancels the work and does not wait for its cleanup",
    caught_by=("cancels_on_ctrl_c",),
)

_thread = LoopThread()


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source on the loop thread; let go of it on Ctrl-C."""
    pending = _thread.submit(source.run_async(inputs))
    try:
        pending.done.wait()
    except KeyboardInterrupt:
        pending.cancel()
        raise
    return pending.take()
