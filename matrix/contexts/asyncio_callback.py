"""A callback of a running loop: a loop runs here, and yet no task is current."""

from __future__ import annotations

import asyncio

from matrix.contexts._observe import ASYNCIO_LOOPS
from matrix.model import Cell, Context, Facts, Inside, Job

CONTEXT = Context(
    "asyncio_callback",
    summary="in a callback of loop.call_soon(), no task being current",
    facts=Facts(running_loop=ASYNCIO_LOOPS, current_task=False, main_thread=True),
    inside=Inside(keeps=("main_thread", "kernel"), no_loop=True),
)


def host(job: Job) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        for cell in job.cells:
            performed = asyncio.Event()
            loop.call_soon(_perform, job, cell, performed)
            await performed.wait()

    asyncio.run(main())


def _perform(job: Job, cell: Cell, performed: asyncio.Event) -> None:
    job.perform(cell)
    performed.set()
