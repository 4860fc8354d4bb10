"""A ``def`` step of a call in a task that greenback has prepared: it can await, and sees no loop."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from matrix.model import Cell, Context, Facts, Inside, Job, Source

CONTEXT = Context(
    "greenback_def_step",
    summary="in a def step of a call in a prepared task, which itself uses greenback.await_()",
    facts=Facts(
        running_loop=None,
        current_task=False,
        main_thread=True,
        evidence={"greenback.await_()": "the host's loop goes on"},
    ),
    requires=("greenback",),
    inside=Inside(keeps=("main_thread", "kernel"), no_loop=True),
    gate_entry_points=("run_workflow", "bridge_run_sync"),
    gate_probes=(
        "hides_the_hosts_loop_from_def_steps",
        "keeps_context_variables",
        "leaves_no_footprint",
        "returns_the_async_value",
        "runs_def_steps_on_calling_thread",
        "shows_def_steps_no_loop",
        "times_out",
        "uses_anyio_in_steps",
    ),
)

_TEXT = """
name: outer
steps:
  - {id: step, function: step}
outputs: {}
"""


def host(job: Job) -> None:
    import greenback

    async def other(turns: asyncio.Event) -> None:
        await asyncio.sleep(0)
        turns.set()

    async def goes_on() -> str:
        turns = asyncio.Event()
        task = asyncio.create_task(other(turns))
        await turns.wait()
        await task
        return "the host's loop goes on"

    def perform(cell: Cell) -> None:
        answer = greenback.await_(goes_on())
        job.perform(cell, evidence={"greenback.await_()": answer})

    async def main() -> None:
        await greenback.ensure_portal()
        for cell in job.cells:
            # What is around the cell is right, also where the bridge that the cell judges is not.
            run = job.run_of(replace(cell, target="agent_runtime"))
            run(Source(_TEXT, functions={"step": lambda cell=cell: perform(cell)}), {})

    asyncio.run(main())
