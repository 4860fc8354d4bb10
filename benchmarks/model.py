"""The words of the benchmark: a candidate, where its call is made, and what was measured of it."""

from __future__ import annotations

import enum
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

__all__ = ("AsyncFn", "Candidate", "Crowd", "Kind", "Latency", "Opener", "Spread", "SyncFn", "Where")

AsyncFn = Callable[[], Coroutine[Any, Any, object]]
SyncFn = Callable[[], object]
Opener = Callable[[AsyncFn], AbstractContextManager[SyncFn]]
"""Makes a sync function of an async one, good inside the ``with`` block: set-up is not measured."""


class Kind(enum.Enum):
    """What a candidate is to the comparison."""

    UNIT = "the unit of all ratios"
    FLOOR = "what no call can do without"
    OURS = "agent_runtime"
    YARDSTICK = "written by hand with the standard library"
    PEER = "another library"


class Where(enum.Enum):
    """Where the call is made."""

    SCRIPT = "script"
    LOOP = "in a loop"
    WORKER = "worker thread"


@dataclass(frozen=True)
class Candidate:
    """One way to call async code from sync code.

    Attributes:
        key: its name on the command line and in the results.
        label: its name in the table.
        kind: what it is to the comparison.
        where: where its call is made.
        opener: makes the sync function to measure.
        needs: the package without which it cannot be measured, or "".
        crowd: its name in the table of concurrent callers, or "" if it has no place there.
    """

    key: str
    label: str
    kind: Kind
    where: Where
    opener: Opener
    needs: str = ""
    crowd: str = ""


@dataclass(frozen=True)
class Spread:
    """The middle of many values, and between which two values the middle half lies."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Latency:
    """What one call of a candidate costs.

    Attributes:
        key: the candidate.
        micros: microseconds a call.
        ratio: times the unit, round by round.
        problem: why there are no numbers, or "".
    """

    key: str
    micros: Spread | None
    ratio: Spread | None
    problem: str = ""


@dataclass(frozen=True)
class Crowd:
    """What a number of threads cost that are in a sync call all at once.

    Attributes:
        key: the candidate.
        callers: how many threads called.
        limit: how many descriptors the process was allowed, or 0 for what the system allows.
        work_seconds: how long each call's work takes.
        wall_seconds: from the first call's begin to the last call's end.
        longest_seconds: the longest single call.
        threads: at the highest, beyond the callers and the main thread.
        descriptors: at the highest, beyond the three standard streams.
        memory_bytes: resident, at the highest, beyond what the waiting callers took.
        failures: how many calls raised.
        problem: the first exception, or why there are no numbers, or "".
    """

    key: str
    callers: int
    limit: int
    work_seconds: float
    wall_seconds: float = 0.0
    longest_seconds: float = 0.0
    threads: int = 0
    descriptors: int = 0
    memory_bytes: int = 0
    failures: int = 0
    problem: str = ""
