"""Runs the calling thread's own loop from inside one of its tasks, as the patchers of loops do.

Reports: silent-cell-drop (nest-asyncio2), nested-waits-slowest (nest_asyncio), gevent-two-loops.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from typing import Any

from matrix.model import Control, Source

CONTROL = Control(
    "re_enters_the_running_loop",
    summary="turns the running loop from inside one of its own tasks; one loop for each thread",
    caught_by=("runs_on_one_loop",),
    context="asyncio_run",
)

_own = threading.local()


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source on this thread's loop, whether or not that runs already."""
    loop: Any = asyncio._get_running_loop()  # noqa: SLF001 - documented; tells without raising
    if loop is None:
        loop = _own.__dict__.setdefault("loop", asyncio.SelectorEventLoop())
        return loop.run_until_complete(source.run_async(inputs))  # type: ignore[no-any-return]  # any loop
    task, current = loop.create_task(source.run_async(inputs)), asyncio.current_task()
    if current is not None:
        asyncio.tasks._leave_task(loop, current)  # noqa: SLF001 - as nest_asyncio does
    while not task.done():
        loop._run_once()  # noqa: SLF001 - as nest_asyncio does
    if current is not None:
        asyncio.tasks._enter_task(loop, current)  # noqa: SLF001 - as nest_asyncio does
    return task.result()  # type: ignore[no-any-return]  # of Any
