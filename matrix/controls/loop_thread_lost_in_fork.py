"""Uses the loop of the parent in a forked child, where no thread runs it: the call waits for ever.

Report: s3fs-process-pool (s3fs): the child hangs; lock-held-over-fork (filesystem_spec).
"""

from __future__ import annotations

from collections.abc import Mapping

from matrix.controls._loop_thread import LoopThread
from matrix.model import Control, Source

CONTROL = Control(
    "loop_thread_lost_in_fork",
    summary="submits to the loop thread that the fork has not copied, and waits",
    caught_by=("works_in_a_forked_child",),
    platforms=("linux", "darwin"),
    limit=1.0,
)

_thread = LoopThread()


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source on the loop thread, of whichever process."""
    pending = _thread.submit(source.run_async(inputs))
    pending.done.wait()
    return pending.take()
