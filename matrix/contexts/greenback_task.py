"""A task of asyncio that greenback has prepared: sync code in it can be suspended."""

from __future__ import annotations

import asyncio

from matrix.contexts._observe import ASYNCIO_LOOPS
from matrix.model import Context, Facts, Inside, Job

CONTEXT = Context(
    "greenback_task",
    summary="inside a task of asyncio that greenback has prepared",
    facts=Facts(running_loop=ASYNCIO_LOOPS, current_task=True, main_thread=True, suspendable=True),
    requires=("greenback",),
    inside=Inside(keeps=("main_thread", "kernel"), no_loop=True),
)


def host(job: Job) -> None:
    import greenback

    async def main() -> None:
        await greenback.ensure_portal()
        for cell in job.cells:
            job.perform(cell)

    asyncio.run(main())
