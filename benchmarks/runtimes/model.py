"""The words of the comparison of runtimes: what is run, how it is called, and what was measured."""

from __future__ import annotations

import enum
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from benchmarks.model import Spread

__all__ = ("STEPS", "Call", "Cell", "Entry", "Maker", "Rival", "Shape")

STEPS = 100
"""Steps of a chain and of a fan-out: more than most workflows have, few enough for every runtime's limits."""


class Shape(enum.Enum):
    """Which workflow."""

    CHAIN = "chain"
    FAN_OUT = "fan-out"
    BRANCH = "branch"

    @property
    def steps(self) -> int:
        """How many steps one run of it does: a branch is the choice and what it chose."""
        return 2 if self is Shape.BRANCH else STEPS


class Entry(enum.Enum):
    """How a run is called."""

    SCRIPT = "sync, in a script"
    IN_LOOP = "sync, where a loop runs"
    ASYNC = "awaited"


Call = Callable[[], object] | Callable[[], Coroutine[Any, Any, object]]
Maker = Callable[[Shape, Entry], AbstractContextManager[Call]]
"""Builds a workflow, outside of what is measured, and gives what runs it once: awaitable for ``ASYNC``."""


@dataclass(frozen=True)
class Rival:
    """One runtime.

    Attributes:
        key: its name on the command line and in the results.
        label: its name in the table.
        package: the distribution whose version is told.
        module: what must be importable.
        maker: builds its workflows.
    """

    key: str
    label: str
    package: str
    module: str
    maker: Maker


@dataclass(frozen=True)
class Cell:
    """What one shape costs in one runtime, called in one way.

    Attributes:
        key: the runtime.
        shape: which workflow.
        entry: how it was called.
        micros: microseconds a step.
        ratio: times what agent_runtime takes, round by round.
        problem: why there are no numbers, or "".
    """

    key: str
    shape: str
    entry: str
    micros: Spread | None = None
    ratio: Spread | None = None
    problem: str = ""
