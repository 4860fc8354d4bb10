"""A worker thread of AnyIO on asyncio, which belongs to a cancel scope: a def route or tool with a limit."""

from __future__ import annotations

import asyncio
import threading

from matrix.model import Cell, Context, Facts, Job

CONTEXT = Context(
    "anyio_worker_thread",
    summary="in a worker thread of AnyIO that belongs to a cancel scope, on asyncio",
    facts=Facts(
        running_loop=None,
        current_task=False,
        main_thread=False,
        evidence={"thread": "AnyIO worker", "scope": "goes on", "waits for it": "a loop of asyncio"},
    ),
    requires=("anyio",),
    gate_entry_points=("run_workflow", "bridge_run_sync"),
    gate_probes=(
        "allows_reentry*",
        "keeps_context_variables",
        "leaves_no_footprint",
        "raises_the_steps_own_exception",
        "returns_the_async_value",
        "runs_def_steps_on_calling_thread",
        "shows_def_steps_no_loop",
        "times_out",
        "uses_anyio_in_steps",
    ),
)


def host(job: Job) -> None:
    import anyio
    import anyio.to_thread

    async def main() -> None:
        for cell in job.cells:
            with anyio.CancelScope():
                await anyio.to_thread.run_sync(_perform, job, cell, abandon_on_cancel=True)

    anyio.run(main)


def _perform(job: Job, cell: Cell) -> None:
    import anyio.from_thread

    try:
        anyio.from_thread.check_cancelled()
    except RuntimeError as error:
        scope = str(error)
    else:
        scope = "goes on"
    loop = anyio.from_thread.run_sync(asyncio.get_running_loop)
    waits = "a loop of asyncio" if loop.is_running() else "nobody"
    thread = threading.current_thread().name.partition(" thread")[0]
    job.perform(cell, evidence={"thread": thread, "scope": scope, "waits for it": waits})
