"""A greenlet of gevent, as gunicorn's and Celery's workers of that kind run each request."""

from __future__ import annotations

from matrix.contexts._greens import PROBES, WITHOUT, patch_with_gevent
from matrix.model import Cell, Context, Facts, Job

CONTEXT = Context(
    "gevent_greenlet",
    summary="in a greenlet that gevent's hub runs",
    facts=Facts(
        running_loop=None,
        current_task=False,
        main_thread=False,
        evidence={"threads": "gevent's", "greenlet": "Greenlet"},
    ),
    requires=("gevent",),
    without=WITHOUT,
    gate_entry_points=("run_workflow", "bridge_run_sync"),
    gate_probes=PROBES,
)


def host(job: Job) -> None:
    evidence = patch_with_gevent()
    import gevent

    def serve(cell: Cell) -> None:
        job.perform(cell, evidence=evidence())

    for cell in job.cells:
        gevent.spawn(serve, cell).join()
