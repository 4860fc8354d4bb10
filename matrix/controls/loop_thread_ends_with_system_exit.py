"""``SystemExit`` of one caller's work ends the loop thread of all; whoever waits then waits for ever.

Report: baseexception-portal (AnyIO): the exception is not delivered, the loop dies.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from matrix.controls._loop_thread import LoopThread
from matrix.model import Control, Source

CONTROL = Control(
    "loop_thread_ends_with_system_exit",
    summary="lets SystemExit of a step end the loop thread, with the caller still waiting",
    caught_by=("survives_base_exceptions",),
    limit=1.0,
)

_thread = LoopThread()


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source as a task, and leave it to the task what to do with what it raises."""
    return asyncio.run_coroutine_threadsafe(source.run_async(inputs), _thread.loop).result()
