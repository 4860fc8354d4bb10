"""A coroutine of ``asyncio.run`` in a thread that is not the main one, as web and script servers do."""

from __future__ import annotations

import asyncio
import threading

from matrix.contexts._observe import ASYNCIO_LOOPS
from matrix.model import Context, Facts, Inside, Job

CONTEXT = Context(
    "asyncio_run_in_thread",
    summary="inside asyncio.run() in a thread that is not the main one",
    facts=Facts(running_loop=ASYNCIO_LOOPS, current_task=True, main_thread=False),
    inside=Inside(keeps=("kernel",)),
)


def host(job: Job) -> None:
    async def main() -> None:
        for cell in job.cells:
            job.perform(cell)

    thread = threading.Thread(target=asyncio.run, args=(main(),), name="loop")
    thread.start()
    thread.join()
