"""A worker of an InterpreterPoolExecutor: a thread with an interpreter of its own."""

from __future__ import annotations

import concurrent.futures
import os
from typing import Any

from matrix.contexts._sub_interpreter import EVIDENCE, GATE_PROBES, WITHOUT, performing
from matrix.model import Context, Facts, Job

CONTEXT = Context(
    "interpreter_pool",
    summary="in a worker of an `InterpreterPoolExecutor`",
    facts=Facts(running_loop=None, current_task=False, main_thread=False, evidence=EVIDENCE),
    min_python=(3, 14),
    without=WITHOUT,
    gate_entry_points=("run_workflow", "bridge_run_sync", "runtime_stream"),
    gate_probes=GATE_PROBES,
)


def host(job: Job) -> None:
    pool: Any = getattr(concurrent.futures, "InterpreterPoolExecutor")  # noqa: B009 - not in 3.11
    with pool(max_workers=1) as executor:
        for cell in job.cells:
            executor.submit(exec, performing(cell, os.getpid()), {}).result()
