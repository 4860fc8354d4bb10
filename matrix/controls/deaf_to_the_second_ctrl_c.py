"""The first Ctrl-C cancels; every later one is ignored until a cleanup that may never end has ended."""

from __future__ import annotations

import signal
from collections.abc import Mapping

from matrix.controls._loop_thread import LoopThread
from matrix.model import Control, Source

CONTROL = Control(
    "deaf_to_the_second_ctrl_c",
    summary="ignores Ctrl-C while it waits for the cleanup that the first one has begun",
    caught_by=("abandons_on_second_ctrl_c",),
)

_thread = LoopThread()


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source on the loop thread; make sure that nothing disturbs the cleanup."""
    pending = _thread.submit(source.run_async(inputs))
    try:
        pending.done.wait()
    except KeyboardInterrupt:
        handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
        pending.cancel()
        pending.done.wait()
        signal.signal(signal.SIGINT, handler)
        raise
    return pending.take()
