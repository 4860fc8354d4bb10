"""A coroutine of ``uvloop.run``: a loop written in C, which nothing can patch."""

from __future__ import annotations

from matrix.model import Context, Facts, Inside, Job

CONTEXT = Context(
    "uvloop_run",
    summary="inside a coroutine that uvloop.run() runs",
    facts=Facts(running_loop="uvloop.Loop", current_task=True, main_thread=True),
    requires=("uvloop",),
    platforms=("linux", "darwin"),
    inside=Inside(keeps=("main_thread", "kernel"), no_loop=True),
)


def host(job: Job) -> None:
    import uvloop

    async def main() -> None:
        for cell in job.cells:
            job.perform(cell)

    uvloop.run(main())
