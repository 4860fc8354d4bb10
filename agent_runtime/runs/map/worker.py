"""What a worker does: one run, from bytes to bytes; imported by the other process."""

from __future__ import annotations

import functools
import os
import platform

from agent_runtime.outcomes import Outcome, capture
from agent_runtime.results.run_result import RunResult
from agent_runtime.runs.active import Request
from agent_runtime.runs.map.cancellation import heed
from agent_runtime.runs.map.payloads import pack_outcome, unpack_inputs, unpack_program
from agent_runtime.runs.program import Program

__all__ = ("perform",)

_NAMES = ("Runtime.map", "Runtime.map_async")

program_of = functools.lru_cache(maxsize=8)(unpack_program)
"""Make a program once for all its runs in this process. A guess: one process serves few workflows at once."""


def perform(program: bytes, inputs: bytes, limit: float | None, run_id: str, unwanted: str) -> bytes:
    """Do one run on this thread and return what it came to; raises nothing that the run raises.

    Args:
        program: the program as bytes.
        inputs: the run's inputs as bytes.
        limit: seconds that it may take.
        run_id: the same for each submission of the run. It also keeps executors from taking two runs with
            the same inputs for one: dask knows tasks by their arguments.
        unwanted: the file that says, once it is there, that nobody wants the run any more; or empty.
    """
    outcome: Outcome[RunResult] = capture(_run, program, inputs, limit, run_id, unwanted)
    return pack_outcome(outcome, f"process {os.getpid()} of {platform.node() or 'this machine'}")


def _run(packed: bytes, inputs: bytes, limit: float | None, run_id: str, unwanted: str) -> RunResult:
    program: Program = program_of(packed)
    # Where runs are kept, one that was lost with its worker is gone on with, and done twice by nobody.
    request = Request(run_id=run_id) if program.durability is None else Request(key=f"map {run_id}")
    watch = functools.partial(heed, unwanted, program.plan.workflow.name) if unwanted else None
    return program.run(
        unpack_inputs(inputs),
        timeout=limit,
        on_running_loop="allow",
        names=_NAMES,
        request=request,
        watch=watch,
    )
