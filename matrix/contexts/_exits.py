"""Programs that perform cells while they end: each is a process below the host, which waits for its end."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

from matrix.contexts._join import joining_by_name
from matrix.model import Cell, Job

__all__ = ("FIRST_CALL", "GATE_PROBES", "HOOK", "WITHOUT", "perform_in_each", "perform_in_one")

WITHOUT = {
    "works_at_the_end_of_the_process": "the process ends already: it takes no more exit hooks",
    **dict.fromkeys(
        ("serves_a_crowd_on_one_loop", "serves_many_threads", "serves_the_callers_own_executor"),
        "the check itself needs a pool of concurrent.futures, and Python starts none when a process ends",
    ),
}
"""What a process that ends rules out, by probe."""

GATE_PROBES = (
    "keeps_context_variables",
    "raises_the_steps_own_exception",
    "resolves_a_host_name",
    "returns_the_async_value",
    "runs_def_steps_on_calling_thread",
    "times_out",
)
"""What the gate judges there; nothing that needs one more thread: CPython 3.12.1 starts none then."""

HOOK = """
import atexit, threading

def perform():
    outer = sys._getframe().f_back
    for name in names:
        job, cell = part_of(name)
        evidence = {
            "called by": "the interpreter" if outer is None else outer.f_code.co_name,
            "main thread": "going on" if threading.main_thread().is_alive() else "ended",
            "before": before,
        }
        job.perform(cell, evidence=evidence)

before = "nothing"
atexit.register(perform)
"""
"""A program whose exit hook performs the cells: on the main thread, when all that it had to do is done."""

FIRST_CALL = """
import asyncio
from agent_runtime.bridge import run_sync

run_sync(asyncio.sleep, 0)
before = "a call"
"""
"""A call of the bridge, to stand behind one of the programs."""


def perform_in_one(job: Job, *program: str) -> None:
    """Have one program perform all cells.

    Raises:
        OSError: it did not end well.
    """
    _perform(job.cells, program)


def perform_in_each(job: Job, *program: str) -> None:
    """Have each cell performed in a process of its own, by the same program.

    Raises:
        OSError: one did not end well.
    """
    for cell in job.cells:
        _perform((cell,), program)


def _perform(cells: Sequence[Cell], program: Sequence[str]) -> None:
    names = f"names = {[cell.id for cell in cells]!r}\n"
    code = subprocess.call([sys.executable, "-c", "".join((joining_by_name(), names, *program))])
    if code:
        raise OSError(f"a process ended with {code}, not with 0")
