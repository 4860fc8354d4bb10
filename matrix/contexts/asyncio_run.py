"""A coroutine of ``asyncio.run``, in the main thread: sync code deep inside an async program."""

from __future__ import annotations

import asyncio

from matrix.contexts._observe import ASYNCIO_LOOPS
from matrix.model import Context, Facts, Inside, Job

CONTEXT = Context(
    "asyncio_run",
    summary="inside a coroutine that asyncio.run() runs",
    facts=Facts(running_loop=ASYNCIO_LOOPS, current_task=True, main_thread=True),
    inside=Inside(keeps=("main_thread", "kernel"), no_loop=True),
)


def host(job: Job) -> None:
    async def main() -> None:
        for cell in job.cells:
            job.perform(cell)

    asyncio.run(main())
