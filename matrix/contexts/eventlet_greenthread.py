"""A green thread of eventlet in a process that it has patched, as in Celery's workers of that kind."""

from __future__ import annotations

from matrix.contexts._greens import PROBES, WITHOUT, patch_with_eventlet
from matrix.model import Cell, Context, Facts, Job

CONTEXT = Context(
    "eventlet_greenthread",
    summary="in a green thread of a process that eventlet has patched",
    facts=Facts(
        running_loop=None,
        current_task=False,
        main_thread=False,
        evidence={"threads": "eventlet's", "greenlet": "GreenThread"},
    ),
    requires=("eventlet",),
    without={
        **WITHOUT,
        "works_at_the_end_of_the_process": "a thread of eventlet's cannot wait for the main one",
    },
    gate_entry_points=("run_workflow", "bridge_run_sync"),
    gate_probes=PROBES,
)


def host(job: Job) -> None:
    evidence = patch_with_eventlet()
    import eventlet

    def serve(cell: Cell) -> None:
        job.perform(cell, evidence=evidence())

    for cell in job.cells:
        eventlet.spawn(serve, cell).wait()
