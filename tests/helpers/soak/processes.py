"""A program of chains in a process group of its own, with a hard limit."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.helpers.soak.programs import Program

__all__ = ("failure_of",)

ROOT = Path(__file__).parents[3]


def failure_of(program: Program, *, limit: float) -> str | None:
    """Walk a program's chains; return what went wrong, or None. Blocks.

    Args:
        program: what to walk.
        limit: seconds until all its processes print their stacks and are killed.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.helpers.soak", *program.arguments()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONFAULTHANDLER": "1"},
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGABRT)  # faulthandler prints where every thread stands
        with contextlib.suppress(subprocess.TimeoutExpired):
            output, _ = process.communicate(timeout=5)
            return f"it hung for {limit:g} s\n{output}"
        return f"it hung for {limit:g} s, and said nothing"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return None if (process.returncode, output) == (0, "") else f"exit code {process.returncode}\n{output}"
