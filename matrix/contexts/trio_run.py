"""An async function of ``trio.run``: an async program, and no asyncio loop in it."""

from __future__ import annotations

from matrix.model import Context, Facts, Inside, Job

CONTEXT = Context(
    "trio_run",
    summary="inside an async function that trio.run() runs",
    facts=Facts(running_loop=None, current_task=False, main_thread=True, evidence={"async library": "trio"}),
    requires=("trio",),
    inside=Inside(keeps=("main_thread", "kernel"), no_loop=True),
)


def host(job: Job) -> None:
    import trio

    async def main() -> None:
        for cell in job.cells:
            await trio.lowlevel.checkpoint()
            library = "trio" if trio.lowlevel.in_trio_task() else "none"
            job.perform(cell, evidence={"async library": library})

    trio.run(main)
