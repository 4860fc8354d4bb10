"""A thread of ``asyncio.to_thread`` while the loop that waits for it runs in the main thread."""

from __future__ import annotations

import asyncio
import threading

from matrix.model import Cell, Context, Facts, Inside, Job

CONTEXT = Context(
    "worker_thread_of_loop",
    summary="in asyncio.to_thread(), the loop running in the main thread",
    facts=Facts(
        running_loop=None,
        current_task=False,
        main_thread=False,
        evidence={"thread": "asyncio", "loop of the main thread": "runs"},
    ),
    inside=Inside(keeps=("kernel",), no_loop=True, main_thread=True),
)


def host(job: Job) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        for cell in job.cells:
            await asyncio.to_thread(_perform, job, cell, loop)

    asyncio.run(main())


def _perform(job: Job, cell: Cell, loop: asyncio.AbstractEventLoop) -> None:
    evidence = {
        "thread": threading.current_thread().name.partition("_")[0],
        "loop of the main thread": "runs" if loop.is_running() else "stands still",
    }
    job.perform(cell, evidence=evidence)
