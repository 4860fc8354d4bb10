"""A thread that goes on when the main thread has ended: the interpreter waits for it, then exit hooks run."""

from __future__ import annotations

from matrix.contexts._exits import FIRST_CALL, GATE_PROBES, WITHOUT, perform_in_one
from matrix.model import Context, Facts, Job

CONTEXT = Context(
    "late_thread",
    summary="in a thread that goes on when the main thread has ended",
    facts=Facts(
        running_loop=None,
        current_task=False,
        main_thread=False,
        evidence={"main thread": "ended", "before": "a call"},
    ),
    without=WITHOUT,
    gate_entry_points=("run_workflow", "bridge_run_sync"),
    gate_probes=GATE_PROBES,
)

_PROGRAM = """
import threading

def perform():
    threading.main_thread().join()
    for name in names:
        job, cell = part_of(name)
        ended = not threading.main_thread().is_alive()
        evidence = {"main thread": "ended" if ended else "going on", "before": before}
        job.perform(cell, evidence=evidence)

threading.Thread(target=perform).start()
"""


def host(job: Job) -> None:
    perform_in_one(job, _PROGRAM, FIRST_CALL)
