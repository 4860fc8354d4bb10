"""A thread of a ``ThreadPoolExecutor``, used again for one job after another."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from matrix.model import Cell, Context, Facts, Inside, Job

CONTEXT = Context(
    "executor_thread",
    summary="in a thread of a concurrent.futures pool",
    facts=Facts(running_loop=None, current_task=False, main_thread=False, evidence={"thread": "pool_0"}),
    inside=Inside(keeps=("kernel",)),
)


def host(job: Job) -> None:
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="pool") as pool:
        for cell in job.cells:
            pool.submit(_perform, job, cell).result()


def _perform(job: Job, cell: Cell) -> None:
    job.perform(cell, evidence={"thread": threading.current_thread().name})
