"""Eight threads call at once, and each gets its own results, errors included."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from matrix.model import Probe, Run, Source, expect

PROBE = Probe(
    "serves_many_threads",
    claim="many threads can call at once, and each gets its own results and errors",
    promise="S17",
)

_THREADS = 8
_CALLS = 5

_TEXT = """
name: many threads
inputs:
  number: {type: integer}
steps:
  - id: twice
    tool: twice
    with: {number: "${inputs.number}"}
  - id: plus_one
    function: plus_one
    with: {number: "${steps.twice.output}"}
outputs:
  number: "${steps.plus_one.output}"
"""


async def _twice(number: int) -> int:
    await asyncio.sleep(0.001 * (number % 3))  # so that calls overtake one another
    if number % 7 == 6:
        raise ArithmeticError(number)
    return number * 2


def _plus_one(number: int) -> int:
    return number + 1


_SOURCE = Source(_TEXT, functions={"plus_one": _plus_one}, tools={"twice": _twice})


def check(run: Run) -> None:
    together = threading.Barrier(_THREADS)

    def work(first: int) -> list[object]:
        together.wait(timeout=10)
        return [_call(run, first * _CALLS + number) for number in range(_CALLS)]

    with ThreadPoolExecutor(max_workers=_THREADS) as pool:
        lists = list(pool.map(work, range(_THREADS)))

    got = [result for results in lists for result in results]
    wanted = [f"error of {n}" if n % 7 == 6 else n * 2 + 1 for n in range(_THREADS * _CALLS)]
    expect(got=got, wanted=wanted, of="results by number")


def _call(run: Run, number: int) -> object:
    try:
        return run(_SOURCE, {"number": number})["number"]
    except ArithmeticError as error:
        return f"error of {error.args[0]}"


def broken(run: Run) -> Run:
    """Keep the result in an attribute that all callers share, the first one's for everybody."""
    kept: dict[str, Mapping[str, object]] = {}

    def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
        return kept.setdefault(source.text, run(source, inputs))

    return call
