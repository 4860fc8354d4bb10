"""A thread started by a thread started by a thread, each of the outer ones waiting for its child."""

from __future__ import annotations

import threading

from matrix.model import Cell, Context, Facts, Inside, Job

_DEPTH = 3

CONTEXT = Context(
    "nested_threads",
    summary="in a thread of a thread of a thread, the outer ones waiting",
    facts=Facts(
        running_loop=None,
        current_task=False,
        main_thread=False,
        evidence={"threads that wait": "3", "this thread": "level 3"},
    ),
    inside=Inside(keeps=("kernel",)),
)


def host(job: Job) -> None:
    for cell in job.cells:
        _descend(job, cell, outer=())


def _descend(job: Job, cell: Cell, *, outer: tuple[threading.Thread, ...]) -> None:
    here = threading.current_thread()
    if len(outer) == _DEPTH:
        waiting = sum(thread.is_alive() for thread in outer)
        job.perform(cell, evidence={"threads that wait": str(waiting), "this thread": here.name})
        return
    thread = threading.Thread(
        target=_descend, args=(job, cell), kwargs={"outer": (*outer, here)}, name=f"level {len(outer) + 1}"
    )
    thread.start()
    thread.join()
