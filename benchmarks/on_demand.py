"""Child processes that measure on demand, so that candidates can take turns: a slow minute hits all alike."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Self

__all__ = ("TURN", "Child")

TURN = 0.03
"""Seconds that one candidate's turn takes: long against a time slice of the system, short against a change
of the machine's load."""


class Child:
    """A module that runs as a program of its own: it reads lines, and answers each with seconds.

    Args:
        module: the program.
        arguments: what it is started with.
        folder: where it runs and imports from first; by default where its parent does.
    """

    def __init__(self, module: str, *arguments: str, folder: Path | None = None) -> None:
        self._stderr = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed in __exit__; a pipe would fill
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            text=True,
            cwd=folder,
        )

    def __enter__(self) -> Self:
        """Return itself; the process is already on its way."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()
        self._stderr.close()

    def answer(self) -> str:
        """Wait for a line of the child and return it.

        Raises:
            RuntimeError: the child has failed; this is what it said last.
        """
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        if not line:
            raise RuntimeError(self._complaint())
        return line

    def seconds(self, request: str) -> float:
        """Have the child do something; return how many seconds that took it.

        Raises:
            RuntimeError: the child has failed; this is what it said last.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{request}\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise RuntimeError(self._complaint()) from None
        return float(self.answer())

    def _complaint(self) -> str:
        self._process.wait()
        self._stderr.seek(0)
        lines = self._stderr.read().strip().splitlines()
        return lines[-1] if lines else f"ended with {self._process.returncode}"
