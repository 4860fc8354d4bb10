"""One call's cost: a process a candidate, taking turns, so that a slow minute is slow for all."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from benchmarks.candidates import obstacle
from benchmarks.model import Candidate, Latency
from benchmarks.on_demand import TURN, Child
from benchmarks.samples import ratios, spread

Key = TypeVar("Key")

__all__ = ("Runner", "measure_latencies", "turn")


class Runner(Child):
    """A child process that calls one candidate on demand."""

    def __init__(self, key: str, *clock: str, folder: Path | None = None) -> None:
        super().__init__("benchmarks.latency_child", key, *clock, folder=folder)
        self._calls = 20

    def problem(self) -> str:
        """Wait until it is warm; return what went wrong, or ""."""
        try:
            self.answer()
            for _ in range(3):
                self._calls = max(1, int(self._calls * TURN / self._turn()))
        except RuntimeError as error:
            return str(error)
        return ""

    def micros_per_call(self) -> float:
        """Have it make its calls; return what one took, in microseconds."""
        return self._turn() / self._calls * 1e6

    def _turn(self) -> float:
        return self.seconds(str(self._calls))


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
        runners: dict[str, Runner] = {}
        for candidate in candidates:
            progress(f"warming up {candidate.key}")
            if problem := obstacle(candidate):
                results[candidate.key] = Latency(candidate.key, None, None, problem)
                continue
            runner = stack.enter_context(Runner(candidate.key))
            if problem := runner.problem():
                results[candidate.key] = Latency(candidate.key, None, None, problem)
                continue
            runners[candidate.key] = runner
        samples: dict[str, list[float]] = {key: [] for key in runners}
        for number in range(rounds):
            progress(f"round {number + 1} of {rounds}")
            for key in turn(list(runners), number):
                samples[key].append(runners[key].micros_per_call())
    results.update(_summaries(samples, unit=candidates[0].key))
    return {candidate.key: results[candidate.key] for candidate in candidates}


def turn(keys: Sequence[Key], number: int) -> Sequence[Key]:
    """Return the order of a round: every other one goes backwards."""
    return keys if number % 2 == 0 else keys[::-1]


def _summaries(samples: Mapping[str, Sequence[float]], *, unit: str) -> Iterator[tuple[str, Latency]]:
    for key, values in samples.items():
        yield key, Latency(key, spread(values), spread(ratios(values, samples[unit])))
