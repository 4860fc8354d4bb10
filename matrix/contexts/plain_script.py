"""The main thread of a script, and no event loop anywhere: where everything works."""

from __future__ import annotations

from matrix.model import Context, Facts, Job

CONTEXT = Context(
    "plain_script",
    summary="the main thread of a script, no event loop",
    facts=Facts(running_loop=None, current_task=False, main_thread=True),
)


def host(job: Job) -> None:
    for cell in job.cells:
        job.perform(cell)
