"""A call that blocks a running loop for over a second says so: for how long, and what to await instead."""

from __future__ import annotations

import asyncio
import re
import warnings
from collections.abc import Mapping

from matrix.model import Expected, Facts, Probe, Run, Source, expect


def _skip_when(facts: Facts) -> str | None:
    if facts.running_loop is None and facts.evidence.get("async library") != "trio":
        return "no loop runs in the calling thread that the call could block"
    if facts.suspendable:
        return "a greenlet suspends the calling task: its loop goes on"
    if facts.kernel and facts.main_thread:
        return "a notebook kernel's loop has nothing to do while a cell runs: a warning would be noise"
    return None


# Isolated because the warning comes once a call site: any call of another probe that a busy machine
# makes last for a second would use it up.
PROBE = Probe(
    "warns_when_it_blocks_a_loop",
    claim="a call that blocks a running loop for over a second warns: how long, and what to await instead",
    promise="S10",
    isolated=True,
    skip_when=_skip_when,
)

_LONG = 1.05
"""Seconds: just above the second from which on a warning is promised; each cell costs them."""

_TEXT = """
name: pause
inputs:
  seconds: {type: number}
steps:
  - id: pause
    tool: pause
    with: {seconds: "${inputs.seconds}"}
outputs:
  value: "${steps.pause.output}"
"""


async def _pause(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "well"


_SOURCE = Source(_TEXT, tools={"pause": _pause})


def check(run: Run) -> None:
    short, long = _warnings_of(run, 0.0), _warnings_of(run, _LONG)

    expect(got=short, wanted=[], of="warnings of a short call")
    expect(got=len(long), wanted=1, of="number of warnings of a long call")
    if re.search(r"\b1\.\d+ s\b", long[0]) is None or re.search(r"\bawait \w+", long[0]) is None:
        raise Expected(of="the warning", wanted="the seconds, and what to await", got=long[0])


def _warnings_of(run: Run, seconds: float) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run(_SOURCE, {"seconds": seconds})
    return [str(one.message) for one in caught if one.category.__name__ == "BlockedLoopWarning"]


def broken(run: Run) -> Run:
    """Block the loop in silence."""

    def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return run(source, inputs)

    return call
