"""The grid as lines of styled text, for a terminal of any width; who draws them is somebody else's matter.

Promises across the top, one column for each probe, one row for each context. Where there is room a
place shows one sign for each entry point; where there is not, the one sign that matters most, and rows
whose entry points differ are unfolded below.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from matrix.board import Board, Column, Mark
from matrix.model import Cell
from matrix.perform import CONTROL

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ("Grid", "Line", "Span", "legend", "probe_legend")

Span = tuple[str, str]
Line = list[Span]

STYLES = {
    Mark.PASS: "green",
    Mark.FAIL: "bold red",
    Mark.HANG: "bold magenta",
    Mark.CRASH: "bold red",
    Mark.REFUSED: "bold yellow",
    Mark.ERROR: "bold white on red",
    Mark.SKIP: "dim",
    Mark.RUNNING: "bold cyan",
    Mark.WAITING: "dim",
}
KNOWN_FAILURE = "yellow"
ORDER = list(Mark)


@dataclass(frozen=True)
class Grid:
    """How one target's grid is drawn.

    Attributes:
        board: what is known.
        target: whose grid this is.
        width: how many columns the terminal has.
        ascii_only: whether signs beyond ASCII cannot be shown.
        unfold: whether rows whose entry points differ get a row for each.
    """

    board: Board
    target: str
    width: int = 100
    ascii_only: bool = False
    unfold: bool = True

    def lines(self) -> list[Line]:
        """Return the grid: two lines of heading, then the rows."""
        columns = self.board.columns(self.target)
        entry_points = self.board.entry_points(self.target)
        wide = len(entry_points)
        per_place = wide if self._needed(columns, wide) <= self.width else 1
        drawn = self._heading(columns, per_place)
        for context in self.board.contexts(self.target):
            drawn.append(self._row(context, columns, entry_points, per_place))
            if per_place == 1 and wide > 1 and self.unfold:
                drawn += self._unfolded(context, columns, entry_points)
        return drawn

    def _needed(self, columns: Sequence[Column], per_place: int) -> int:
        groups = _groups(columns, per_place)
        return self._names_width() + sum(width for _, _, width in groups) + len(self._totals_heading())

    def _totals_heading(self) -> str:
        return "  controls  red" if self._has_controls else "  red"

    @property
    def _has_controls(self) -> bool:
        return any(cell.target == CONTROL for cell in self.board.cells)

    def _names_width(self) -> int:
        contexts = [len(name) for name in self.board.contexts(self.target)]
        unfolded = [2 + len(self.board.label(name)) for name in self.board.entry_points(self.target)]
        return max(contexts + unfolded, default=0) + 2

    def _heading(self, columns: Sequence[Column], per_place: int) -> list[Line]:
        promises: Line = [(" " * self._names_width(), "")]
        letters: Line = [(" " * self._names_width(), "")]
        for promise, members, width in _groups(columns, per_place):
            promises.append((promise.ljust(width), "bold"))
            text = "".join(column.letter.ljust(per_place + 1) for column in members)
            letters.append((text.ljust(width), "dim"))
        promises.append((self._totals_heading(), "dim"))
        return [promises, letters] if any(column.letter for column in columns) else [promises]

    def _row(
        self, context: str, columns: Sequence[Column], entry_points: Sequence[str], per_place: int
    ) -> Line:
        line: Line = [(context.ljust(self._names_width()), "")]
        for _, members, width in _groups(columns, per_place):
            used = 0
            for column in members:
                cells = [Cell(self.target, name, context, column.probe.name) for name in entry_points]
                line += self._place(cells, per_place)
                line.append((" ", ""))
                used += per_place + 1
            line.append((" " * (width - used), ""))
        return line + self._totals(context)

    def _place(self, cells: Sequence[Cell], per_place: int) -> Line:
        if per_place > 1:
            return [self._sign(cell) for cell in cells]
        known = [cell for cell in cells if self.board.mark(cell) is not None]
        if not known:
            return [(" ", "")]
        return [self._sign(min(known, key=self._rank))]

    def _rank(self, cell: Cell) -> tuple[bool, int]:
        mark = self.board.mark(cell)
        assert mark is not None
        return (not self.board.is_red(cell), ORDER.index(mark))

    def _sign(self, cell: Cell) -> Span:
        mark = self.board.mark(cell)
        if mark is None:
            return (" ", "")
        failed = ORDER.index(mark) < ORDER.index(Mark.RUNNING)
        style = KNOWN_FAILURE if failed and not self.board.is_red(cell) else STYLES[mark]
        return (mark.sign(ascii_only=self.ascii_only), style)

    def _totals(self, context: str) -> Line:
        caught = self.board.controls(context)
        text = f"{caught.finished - caught.red}/{caught.total}" if caught.total else ""
        complete = caught.finished == caught.total
        style = "bold white on red" if caught.red else "green" if complete else "dim"
        own = [cell for cell in self.board.cells if cell.context == context and cell.target == self.target]
        red = self.board.tally(own).red
        controls = f"  {text:>8}" if self._has_controls else ""
        return [(controls, style), (f"  {red or '':>3}", "bold red")]

    def _unfolded(self, context: str, columns: Sequence[Column], entry_points: Sequence[str]) -> list[Line]:
        """Return a row for each entry point, when they do not all look the same."""
        seen = [
            tuple(self.board.mark(Cell(self.target, name, context, column.probe.name)) for column in columns)
            for name in entry_points
        ]
        if len(set(seen)) == 1:
            return []
        rows = []
        for name in entry_points:
            label = f"  {self.board.label(name)}"
            row = self._row(context, columns, [name], 1)[1:-2]
            rows.append([(label.ljust(self._names_width()), "dim"), *row])
        return rows


def legend(*, ascii_only: bool = False) -> Line:
    """Return the line that says what the signs mean."""
    line: Line = []
    for mark in (Mark.PASS, Mark.FAIL, Mark.HANG, Mark.CRASH, Mark.REFUSED, Mark.SKIP, Mark.ERROR):
        line += [(mark.sign(ascii_only=ascii_only), STYLES[mark]), (f" {mark.word}   ", "dim")]
    return line


def probe_legend(columns: Sequence[Column], width: int) -> list[Line]:
    """Return what the columns stand for, in as many columns of text as fit."""
    entries = [f"{column.code:<5}{column.probe.name}" for column in columns]
    if not entries:
        return []
    each = max(len(entry) for entry in entries) + 3
    across = max(1, width // each)
    height = -(-len(entries) // across)
    return [
        [("".join(entry.ljust(each) for entry in entries[row::height]).rstrip(), "dim")]
        for row in range(height)
    ]


def _groups(columns: Sequence[Column], per_place: int) -> list[tuple[str, list[Column], int]]:
    """Return promise, its columns and its width for each group of columns."""
    groups = []
    for promise, members in groupby(columns, key=lambda column: column.probe.promise):
        listed = list(members)
        groups.append((promise, listed, max(len(listed) * (per_place + 1), len(promise)) + 1))
    return groups
