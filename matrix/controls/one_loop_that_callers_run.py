"""One loop for all, run by whoever calls: two threads at once are one too many.

Reports: gevent-threads, nb-agent-run-sync (pydantic-ai): "This event loop is already running".
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Mapping

from matrix.model import Control, Source

CONTROL = Control(
    "one_loop_that_callers_run",
    summary="runs one shared loop on the calling thread: 'This event loop is already running'",
    caught_by=("serves_many_threads", "allows_reentry_through_tasks"),
    harmless=True,
)


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source on the one loop, here."""
    work = source.run_async(inputs)
    try:
        return _loop().run_until_complete(work)
    finally:
        work.close()


@functools.cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.SelectorEventLoop()
