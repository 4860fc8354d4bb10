"""A script whose first line is gevent's ``monkey.patch_all()``: threads, locks, sockets are replaced."""

from __future__ import annotations

from matrix.contexts._greens import PROBES, WITHOUT, patch_with_gevent
from matrix.model import Context, Facts, Job

CONTEXT = Context(
    "gevent_main",
    summary="in the main thread of a process that gevent has patched",
    facts=Facts(
        running_loop=None,
        current_task=False,
        main_thread=True,
        evidence={"threads": "gevent's", "greenlet": "main"},
    ),
    requires=("gevent",),
    without=WITHOUT,
    gate_entry_points=("run_workflow", "bridge_run_sync"),
    gate_probes=(*PROBES, "cancels_on_ctrl_c", "streams_items_as_they_are_produced"),
)


def host(job: Job) -> None:
    evidence = patch_with_gevent()
    for cell in job.cells:
        job.perform(cell, evidence=evidence())
