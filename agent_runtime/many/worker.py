"""What a worker does: one run, from bytes to bytes; imported by the other process."""

from __future__ import annotations

import functools
import os
import platform

from agent_runtime.many.parcels import pack_outcome, unpack_inputs, unpack_program
from agent_runtime.outcomes import Outcome, capture
from agent_runtime.program import Program
from agent_runtime.results import RunResult

__all__ = ("perform",)

_NAMES = ("Runtime.map", "Runtime.map_async")

program_of = functools.lru_cache(maxsize=8)(unpack_program)
"""Make a program once for all its runs in this process. A guess: one process serves few workflows at once."""


def perform(program: bytes, inputs: bytes, limit: float | None) -> bytes:
    """Do one run on this thread and return what it came to; raises nothing that the run raises."""
    outcome: Outcome[RunResult] = capture(_run, program, inputs, limit)
    return pack_outcome(outcome, f"process {os.getpid()} of {platform.node() or 'this machine'}")


def _run(packed: bytes, inputs: bytes, limit: float | None) -> RunResult:
    program: Program = program_of(packed)
    return program.run(unpack_inputs(inputs), timeout=limit, on_running_loop="allow", names=_NAMES)
