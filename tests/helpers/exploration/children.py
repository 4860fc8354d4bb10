"""A child process for each experiment, forked from one that has no threads."""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import select
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any

from tests.helpers.exploration.aftermath import report_at_the_end

__all__ = ("Ended", "fork_child")

_GRACE = 5.0
"""Seconds that a child which hangs gets to print its stacks."""


@dataclass(frozen=True)
class Ended:
    """How a child ended, what it told line by line, and what it printed."""

    returncode: int
    told: list[dict[str, Any]]
    stderr: str
    hung: bool


def fork_child(perform: Callable[[int], Callable[[], dict[str, Any]]], *, limit: float) -> Ended | None:
    """Perform something in a child process; blocks until that has ended.

    Args:
        perform: called in the child with a descriptor to write lines of JSON to; returns a function
            that makes the last line, when all exit hooks have run.
        limit: seconds until the child prints its stacks and ends.

    Returns:
        What the child did; in the child itself None, and the process is to end by itself then.
    """
    with tempfile.TemporaryFile("w+") as output:
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            os.dup2(output.fileno(), 2)
            sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115 - to the end
            faulthandler.dump_traceback_later(limit, exit=True)
            report_at_the_end(writing, perform(writing))
            return None
        os.close(writing)
        return _collect(pid, reading, output, limit)


def _collect(pid: int, reading: int, output: IO[str], limit: float) -> Ended:
    deadline, text = time.monotonic() + limit + _GRACE, b""
    hung = False
    while select.select([reading], [], [], max(deadline - time.monotonic(), 0))[0]:
        chunk = os.read(reading, 65536)
        if not chunk:
            break
        text += chunk
    else:
        hung = True
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    os.close(reading)
    returncode = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    output.seek(0)
    stderr = output.read()
    hung = hung or "Timeout (" in stderr
    return Ended(returncode, [json.loads(line) for line in text.splitlines()], stderr, hung)
