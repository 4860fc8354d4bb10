"""Run a piece of Python in a process of its own, with a hard limit: for what can hang or kill."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

__all__ = ("Child", "run_child")

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Child:
    """What a child process left: its return code and what it printed."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def lines(self) -> list[str]:
        """What it printed, line by line."""
        return self.stdout.splitlines()

    def check(self) -> Child:
        """Return itself if the child ended well and said nothing on stderr; else fail the test."""
        assert (self.returncode, self.stderr) == (0, ""), f"{self.stdout}\n{self.stderr}"
        return self


def run_child(
    code: str,
    *,
    limit: float = 20.0,
    environment: dict[str, str] | None = None,
    options: tuple[str, ...] = (),
    arguments: tuple[str, ...] = (),
) -> Child:
    """Run ``code`` with this interpreter and wait for its end; blocks.

    Args:
        code: the script; common indentation is removed.
        limit: seconds until the whole process group is killed and the test fails.
        environment: variables to add.
        options: options for the interpreter.
        arguments: what the script finds in ``sys.argv[1:]``.
    """
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONFAULTHANDLER": "1", **(environment or {})}
    process = subprocess.Popen(
        [sys.executable, *options, "-c", textwrap.dedent(code), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=variables,
        start_new_session=True,
    )
    try:
        stdout, stderr = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGABRT)  # faulthandler prints where every thread stands
        try:
            stdout, stderr = process.communicate(timeout=5)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        raise AssertionError(f"the child hung for {limit:g} s\n{stdout}\n{stderr}") from None
    return Child(process.returncode, stdout, stderr)
