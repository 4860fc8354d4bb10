"""A thread of gevent's pool, where a patched program sends what blocks: a real thread among greenlets."""

from __future__ import annotations

from matrix.contexts._greens import PROBES, WITHOUT, patch_with_gevent
from matrix.model import Cell, Context, Facts, Job

CONTEXT = Context(
    "gevent_threadpool",
    summary="in a real thread of gevent's pool, the hub going on in the main thread",
    facts=Facts(
        running_loop=None,
        current_task=False,
        main_thread=False,
        evidence={"threads": "gevent's", "greenlet": "_WorkerGreenlet"},
    ),
    requires=("gevent",),
    without={
        **WITHOUT,
        "works_at_the_end_of_the_process": "threads started there are greenlets of a thread that runs none",
        "works_in_a_forked_child": "gevent's own fork works in the main thread only",
    },
    gate_entry_points=("run_workflow", "bridge_run_sync"),
    gate_probes=PROBES,
)


def host(job: Job) -> None:
    evidence = patch_with_gevent()
    import gevent

    def serve(cell: Cell) -> None:
        job.perform(cell, evidence=evidence())

    for cell in job.cells:
        gevent.get_hub().threadpool.apply(serve, (cell,))
