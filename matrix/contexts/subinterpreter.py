"""A sub-interpreter of the process, isolated as Python's own module makes them, in the main thread."""

from __future__ import annotations

import importlib
import os

from matrix.contexts._sub_interpreter import EVIDENCE, GATE_PROBES, WITHOUT, performing
from matrix.model import Context, Facts, Job

CONTEXT = Context(
    "subinterpreter",
    summary="in a sub-interpreter, with a GIL of its own",
    facts=Facts(running_loop=None, current_task=False, main_thread=True, evidence=EVIDENCE),
    min_python=(3, 13),
    without=WITHOUT,
    gate_entry_points=("run_workflow", "bridge_run_sync", "runtime_stream"),
    gate_probes=GATE_PROBES,
)


def host(job: Job) -> None:
    interpreters = importlib.import_module("_interpreters")  # what 3.14's concurrent.interpreters stands on
    interpreter = interpreters.create("isolated")
    try:
        for cell in job.cells:
            failure = interpreters.exec(interpreter, performing(cell, os.getpid()))
            if failure is not None:
                raise RuntimeError(failure.errdisplay)
    finally:
        interpreters.destroy(interpreter)
