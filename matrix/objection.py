"""An objection: what is wrong with a file that the gate goes by, where, and what to write there instead."""

from __future__ import annotations

import contextlib
import enum
from dataclasses import dataclass
from pathlib import Path

__all__ = ("Fault", "Objection")


class Fault(enum.Enum):
    """The kinds of objections; each of them turns the gate red."""

    STALE = "stale"
    """All cells of an expectation that ran pass."""
    OVER_BROAD = "over-broad"
    """Some cells of an expectation pass: its pattern covers more than it explains."""
    DEAD = "dead"
    """An expectation matches no cell, under whatever condition."""
    DUPLICATE = "duplicate"
    """Two expectations speak of one cell."""
    EXPIRED = "expired"
    """The day until which an expectation was meant to stand is over."""
    UNLOCKED = "unlocked"
    """There is a cell that the lock does not have."""
    VANISHED = "vanished"
    """The lock has a cell that there is no more, or that means nothing any more."""


@dataclass(frozen=True)
class Objection:
    """One thing that is wrong.

    Attributes:
        fault: which kind.
        path: the file that says it.
        line: where in the file, counted from 1.
        text: what was found, and what was expected.
        write: what to write instead.
    """

    fault: Fault
    path: Path
    line: int
    text: str
    write: str

    def __str__(self) -> str:
        path = self.path
        with contextlib.suppress(ValueError):
            path = path.relative_to(Path.cwd())
        return f"{path}:{self.line}: {self.fault.value}: {self.text}; {self.write}"

    def as_data(self) -> dict[str, object]:
        """Return this objection as plain data."""
        return {
            "fault": self.fault.value,
            "file": str(self.path),
            "line": self.line,
            "text": self.text,
            "write": self.write,
        }
