"""A ``__del__`` that the cycle collector runs: code that can begin between any two instructions."""

from __future__ import annotations

import gc

from matrix.contexts._observe import ALL_FACTS, stack_has
from matrix.model import Cell, Context, Facts, Inside, Job

CONTEXT = Context(
    "finaliser",
    summary="in a __del__ that the garbage collector runs",
    facts=Facts(
        running_loop=None,
        current_task=False,
        main_thread=True,
        evidence={"__del__": "on the stack", "collector": "at work"},
    ),
    inside=Inside(keeps=ALL_FACTS, again=False),  # the collector does not start inside itself
)


class _Abandoned:
    """Performs its cell when the collector finds it: it holds itself, so nothing else can."""

    def __init__(self, job: Job, cell: Cell) -> None:
        self._job = job
        self._cell = cell
        self._itself = self

    def __del__(self) -> None:
        # The collector does not start again inside itself: a cycle made here survives its collection.
        before = gc.get_stats()[2]["collections"]
        gc.collect()
        at_work = gc.get_stats()[2]["collections"] == before
        evidence = {
            "__del__": stack_has(_Abandoned.__del__.__code__),
            "collector": "at work" if at_work else "idle",
        }
        self._job.perform(self._cell, evidence=evidence)


def host(job: Job) -> None:
    for cell in job.cells:
        _Abandoned(job, cell)
        gc.collect()
