"""What is known of every cell so far, arranged for showing: contexts down, probes across by promise."""

from __future__ import annotations

import enum
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matrix.model import Outcome
from matrix.targets import CONTROL, is_control
from matrix.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matrix.judged import Judged
    from matrix.model import Cell, Probe
    from matrix.registry import Registry

__all__ = ("Board", "Column", "Mark", "Tally", "columns_of")


class Mark(enum.Enum):
    """What one place of the grid shows: the word, its sign, and the sign where only ASCII can be shown.

    Ordered by what deserves to be seen first, so that one place can stand for several cells.
    """

    ERROR = ("error", "!", "E")
    CRASH = ("crash", "☠", "C")
    HANG = ("hang", "⧖", "H")
    FAIL = ("fail", "✗", "F")
    REFUSED = ("refused", "⊘", "R")
    RUNNING = ("running", "▸", ">")
    WAITING = ("waiting", "·", ".")
    PASS = ("pass", "✓", "+")
    SKIP = ("skip", "–", "-")  # noqa: RUF001 - it is meant to be wider than the ASCII sign

    @property
    def word(self) -> str:
        """The word for the legend."""
        return self.value[0]

    def sign(self, *, ascii_only: bool) -> str:
        """Return the one character that stands for this mark."""
        return self.value[2] if ascii_only else self.value[1]

    @classmethod
    def of(cls, outcome: Outcome) -> Mark:
        """Return the mark of an outcome."""
        return cls[outcome.name]


@dataclass(frozen=True)
class Column:
    """One probe's place in the grid: its promise, and a letter where the promise has several probes."""

    probe: Probe
    letter: str

    @property
    def code(self) -> str:
        """The column's name in the legend."""
        return self.probe.promise + self.letter


def columns_of(probes: Sequence[Probe]) -> list[Column]:
    """Return a column for each probe, with letters where a promise has several; they are in its order."""
    promises = [probe.promise for probe in probes]
    seen: dict[str, int] = {}
    columns = []
    for probe in probes:
        number = seen[probe.promise] = seen.get(probe.promise, -1) + 1
        several = promises.count(probe.promise) > 1
        columns.append(Column(probe, chr(ord("a") + number) if several else ""))
    return columns


@dataclass(frozen=True)
class Tally:
    """How far a set of cells has come, and how much of it is red."""

    total: int
    finished: int
    red: int


class Board:
    """The state of a run for those who show it; changed by one thread only."""

    def __init__(self, registry: Registry, cells: Iterable[Cell]) -> None:
        self.cells = tuple(cells)
        self._selected = frozenset(self.cells)
        self.began = time.monotonic()
        self.first_finished: float | None = None
        self.running: dict[Cell, float] = {}
        self.finished: dict[Cell, Judged] = {}
        self._labels = {name: one.label for name, one in registry.entry_points().items()}
        self._probes = registry.probes()
        self._contexts = registry.contexts()

    def begin(self, cell: Cell) -> None:
        """Note that a cell is being judged now."""
        self.running[cell] = time.monotonic()

    def finish(self, judged: Judged) -> None:
        """Note what has become of a cell."""
        self.running.pop(judged.cell, None)
        self.finished[judged.cell] = judged
        if self.first_finished is None and judged.record.host:
            self.first_finished = time.monotonic()

    def targets(self) -> list[str]:
        """Return what is compared, controls left out: they are shown beside what they prove."""
        found = dict.fromkeys(cell.target for cell in self.cells)
        shown = [target for target in found if not is_control(target)]
        return shown or [target for target in found if target == CONTROL]

    def contexts(self, target: str) -> list[str]:
        """Return the rows of a target's grid."""
        return list(dict.fromkeys(cell.context for cell in self.cells if cell.target == target))

    def entry_points(self, target: str) -> list[str]:
        """Return the entry points of a target, in the order of their signs."""
        return list(dict.fromkeys(cell.entry_point for cell in self.cells if cell.target == target))

    def label(self, entry_point: str) -> str:
        """Return an entry point as users write it."""
        return self._labels[entry_point]

    def catalogue(self) -> dict[str, dict[str, object]]:
        """Return what is said of the names in the selected cells, as plain data for a reader of the files."""
        probes = {cell.probe for cell in self.cells}
        contexts = {cell.context for cell in self.cells}
        entry_points = {cell.entry_point for cell in self.cells}
        return {
            "probes": {
                name: {"promise": probe.promise, "claim": probe.claim}
                for name, probe in self._probes.items()
                if name in probes
            },
            "contexts": {name: one.summary for name, one in self._contexts.items() if name in contexts},
            "entry_points": {name: label for name, label in self._labels.items() if name in entry_points},
        }

    def columns(self, target: str) -> list[Column]:
        """Return the columns of a target's grid, promise by promise."""
        names = {cell.probe for cell in self.cells if cell.target == target}
        return columns_of([probe for name, probe in self._probes.items() if name in names])

    def mark(self, cell: Cell) -> Mark | None:
        """Return what to show for a cell; None when it was not selected."""
        judged = self.finished.get(cell)
        if judged is not None:
            return Mark.of(judged.record.outcome)
        if cell in self.running:
            return Mark.RUNNING
        return Mark.WAITING if cell in self._selected else None

    def is_red(self, cell: Cell) -> bool:
        """Whether a cell has ended in a way that makes the run red."""
        judged = self.finished.get(cell)
        return judged is not None and judged.verdict is not Verdict.OK

    def tally(self, cells: Sequence[Cell] | None = None) -> Tally:
        """Return how far some cells have come; all of them by default."""
        chosen = self.cells if cells is None else cells
        done = [cell for cell in chosen if cell in self.finished]
        return Tally(len(chosen), len(done), sum(self.is_red(cell) for cell in done))

    def controls(self, context: str) -> Tally:
        """Return how many of a context's controls came out as they must; ``red`` counts the others.

        Controls that mean nothing in the context are not counted.
        """
        chosen = [cell for cell in self.cells if is_control(cell.target) and cell.context == context]
        return self.tally([cell for cell in chosen if self.mark(cell) is not Mark.SKIP])
