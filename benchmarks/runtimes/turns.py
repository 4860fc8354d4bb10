"""A process for each runtime and way of calling it, that runs one shape or another on demand."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from typing import Self

from benchmarks.runtimes.model import Entry, Shape

__all__ = ("Child",)

TURN = 0.03
"""Seconds that one turn takes, or one run if that takes longer; as in ``benchmarks.latency``."""


class Child:
    """A child process that has built one runtime's workflows.

    Args:
        key: the runtime.
        entry: how its runs are called.
    """

    def __init__(self, key: str, entry: Entry) -> None:
        self._stderr = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed in __exit__; a pipe would fill
        self._child = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.runtimes.child", key, entry.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            text=True,
        )
        self._runs = dict.fromkeys(Shape, 1)

    def __enter__(self) -> Self:
        """Return itself; the process is on its way."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self._child.kill()
        self._child.communicate()
        self._stderr.close()

    def problem(self, shape: Shape) -> str:
        """Have a shape run a few times, until a turn is long enough; return what went wrong, or ""."""
        for _ in range(3):
            try:
                self._runs[shape] = max(1, int(self._runs[shape] * TURN / self._ask(shape)))
            except RuntimeError as error:
                return str(error)
        return ""

    def micros_per_step(self, shape: Shape) -> float:
        """Have a shape run for one turn; return what one step took, in microseconds.

        Raises:
            RuntimeError: the child has failed; this is what it said.
        """
        return self._ask(shape) / self._runs[shape] / shape.steps * 1e6

    def _ask(self, shape: Shape) -> float:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        try:
            self._child.stdin.write(f"{shape.name} {self._runs[shape]}\n")
            self._child.stdin.flush()
        except BrokenPipeError:
            raise RuntimeError(self._complaint()) from None
        answer = self._child.stdout.readline().strip()
        if not answer:
            raise RuntimeError(self._complaint())
        return float(answer)

    def _complaint(self) -> str:
        self._child.wait()
        self._stderr.seek(0)
        lines = self._stderr.read().strip().splitlines()
        return lines[-1] if lines else f"ended with {self._child.returncode}"
