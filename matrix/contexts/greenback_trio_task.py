"""A task of trio that greenback has prepared: sync code in it can be suspended."""

from __future__ import annotations

from matrix.model import Context, Facts, Inside, Job

CONTEXT = Context(
    "greenback_trio_task",
    summary="inside a task of trio that greenback has prepared",
    facts=Facts(
        running_loop=None,
        current_task=False,
        main_thread=True,
        suspendable=True,
        evidence={"async library": "trio"},
    ),
    requires=("greenback", "trio"),
    inside=Inside(keeps=("main_thread", "kernel"), no_loop=True),
)


def host(job: Job) -> None:
    import greenback
    import trio

    async def main() -> None:
        await greenback.ensure_portal()
        for cell in job.cells:
            await trio.lowlevel.checkpoint()
            library = "trio" if trio.lowlevel.in_trio_task() else "none"
            job.perform(cell, evidence={"async library": library})

    trio.run(main)
