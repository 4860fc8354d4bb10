"""One call's cost: a process a candidate, taking turns, so that a slow minute is slow for all."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Self

from benchmarks.candidates import obstacle
from benchmarks.model import Candidate, Latency
from benchmarks.samples import ratios, spread

__all__ = ("measure_latencies",)

ROUND_SECONDS = 0.03
"""How long one candidate's turn takes: long against a time slice of the system, short against a change
of the machine's load."""


class _Runner:
    """A child process that calls one candidate on demand."""

    def __init__(self, key: str) -> None:
        self._stderr = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed in __exit__; a pipe would fill
        self._child = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.latency_child", key],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            text=True,
        )
        self._calls = 20

    def __enter__(self) -> Self:
        """Return itself; the process is already on its way."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self._child.kill()
        self._child.communicate()
        self._stderr.close()

    def problem(self) -> str:
        """Wait until it is warm; return what went wrong, or ""."""
        if self._readline() == "ready":
            for _ in range(3):
                self._calls = max(1, int(self._calls * ROUND_SECONDS / self._ask()))
            return ""
        return self._complaint()

    def micros_per_call(self) -> float:
        """Have it make its calls; return what one took, in microseconds."""
        return self._ask() / self._calls * 1e6

    def _ask(self) -> float:
        assert self._child.stdin is not None
        self._child.stdin.write(f"{self._calls}\n")
        self._child.stdin.flush()
        answer = self._readline()
        if not answer:
            raise RuntimeError(self._complaint())
        return float(answer)

    def _readline(self) -> str:
        assert self._child.stdout is not None
        return self._child.stdout.readline().strip()

    def _complaint(self) -> str:
        self._child.wait()
        self._stderr.seek(0)
        lines = self._stderr.read().strip().splitlines()
        return lines[-1] if lines else f"ended with {self._child.returncode}"


def measure_latencies(
    candidates: Sequence[Candidate], *, rounds: int, progress: Callable[[str], None]
) -> dict[str, Latency]:
    """Measure every candidate, and its ratio to the first one; by key.

    Args:
        candidates: what to measure; the first is the unit.
        rounds: how often each has its turn; every other round in the opposite order.
        progress: told what is being done.
    """
    results: dict[str, Latency] = {}
    with contextlib.ExitStack() as stack:
        runners: dict[str, _Runner] = {}
        for candidate in candidates:
            progress(f"warming up {candidate.key}")
            if problem := obstacle(candidate):
                results[candidate.key] = Latency(candidate.key, None, None, problem)
                continue
            runner = stack.enter_context(_Runner(candidate.key))
            if problem := runner.problem():
                results[candidate.key] = Latency(candidate.key, None, None, problem)
                continue
            runners[candidate.key] = runner
        samples: dict[str, list[float]] = {key: [] for key in runners}
        for number in range(rounds):
            progress(f"round {number + 1} of {rounds}")
            for key in _turn(list(runners), number):
                samples[key].append(runners[key].micros_per_call())
    results.update(_summaries(samples, unit=candidates[0].key))
    return {candidate.key: results[candidate.key] for candidate in candidates}


def _turn(keys: list[str], number: int) -> list[str]:
    return keys if number % 2 == 0 else keys[::-1]


def _summaries(samples: Mapping[str, Sequence[float]], *, unit: str) -> Iterator[tuple[str, Latency]]:
    for key, values in samples.items():
        yield key, Latency(key, spread(values), spread(ratios(values, samples[unit])))
