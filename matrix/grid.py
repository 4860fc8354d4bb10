"""The grid as lines of styled text, for a terminal of any width; who draws them is somebody else's matter.

Promises across the top, one column for each probe, one row for each context. Where there is room a
place shows one sign for each entry point; where there is not, the one sign that matters most, and rows
whose entry points differ are unfolded below.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING

from matrix.board import Board, Column, Mark
from matrix.model import Cell
from matrix.targets import is_control

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
class Layout:
    """How much room a place of the grid gets: its signs, and the blanks after them."""

    signs: int
    blanks: int

    def width(self, group: Sequence[Column]) -> int:
        """Return the width of a promise's columns, with a blank after them."""
        return max(len(group) * (self.signs + self.blanks), len(group[0].probe.promise)) + 1


@dataclass(frozen=True)
class Grid:
    """How one target's grid is drawn.

    Attributes:
        board: what is known.
        target: whose grid this is.
        width: how many columns the terminal has.
        ascii_only: whether signs beyond ASCII cannot be shown.
        unfold: whether rows whose entry points differ get a row for each.
        contexts: the rows to draw; all by default.
    """

    board: Board
    target: str
    width: int = 100
    ascii_only: bool = False
    unfold: bool = True
    contexts: tuple[str, ...] | None = None

    def lines(self) -> list[Line]:
        """Return the grid: one or two lines of heading, then the rows."""
        drawn = self._heading()
        rows = self._contexts if self.contexts is None else self.contexts
        for context in rows:
            drawn.append(self._row(context))
            if self.unfold and self._layout.signs < len(self._entry_points):
                drawn += self._unfolded(context)
        return drawn

    @cached_property
    def _contexts(self) -> list[str]:
        return self.board.contexts(self.target)

    @cached_property
    def _entry_points(self) -> list[str]:
        return self.board.entry_points(self.target)

    @cached_property
    def _groups(self) -> list[list[Column]]:
        columns = self.board.columns(self.target)
        return [list(group) for _, group in groupby(columns, key=lambda column: column.probe.promise)]

    @cached_property
    def _layout(self) -> Layout:
        """The roomiest layout that fits; the tightest where none does."""
        tight = Layout(1, 0)
        for layout in (Layout(len(self._entry_points), 1), Layout(1, 1)):
            columns = sum(layout.width(group) for group in self._groups)
            if self._names_width + columns + len(self._totals_heading) <= self.width:
                return layout
        return tight

    @cached_property
    def _names_width(self) -> int:
        contexts = [len(name) for name in self._contexts]
        unfolded = [2 + len(self.board.label(name)) for name in self._entry_points]
        return max(contexts + unfolded, default=0) + 2

    @cached_property
    def _has_controls(self) -> bool:
        return any(is_control(cell.target) for cell in self.board.cells)

    @cached_property
    def _totals_heading(self) -> str:
        return " controls  red" if self._has_controls else "  red"

    def _heading(self) -> list[Line]:
        promises: Line = [(" " * self._names_width, "")]
        letters: Line = [(" " * self._names_width, "")]
        for group in self._groups:
            width = self._layout.width(group)
            promises.append((group[0].probe.promise.ljust(width), "bold"))
            each = self._layout.signs + self._layout.blanks
            letters.append(("".join(column.letter.ljust(each) for column in group).ljust(width), "dim"))
        promises.append((self._totals_heading, "dim"))
        return [promises, letters] if any(len(group) > 1 for group in self._groups) else [promises]

    def _row(self, context: str) -> Line:
        signs = self._layout.signs
        split = len(self._entry_points) == signs
        names = [[name] for name in self._entry_points] if split else [self._entry_points]
        return [(context.ljust(self._names_width), ""), *self._signs(context, names), *self._totals(context)]

    def _signs(self, context: str, entry_points: Sequence[Sequence[str]]) -> Line:
        """Return the places of a row; in each a sign for each of the given sets of entry points."""
        line: Line = []
        for group in self._groups:
            used = 0
            for column in group:
                for names in entry_points:
                    cells = [Cell(self.target, name, context, column.probe.name) for name in names]
                    line.append(self._worst(cells))
                blanks = self._layout.signs - len(entry_points) + self._layout.blanks
                line.append((" " * blanks, ""))
                used += len(entry_points) + blanks
            line.append((" " * (self._layout.width(group) - used), ""))
        return line

    def _worst(self, cells: Sequence[Cell]) -> Span:
        known = [(cell, mark) for cell in cells if (mark := self.board.mark(cell)) is not None]
        if not known:
            return (" ", "")
        cell, mark = min(known, key=lambda pair: (not self.board.is_red(pair[0]), ORDER.index(pair[1])))
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
        blanks = " " * (9 - len(text)) if self._has_controls else ""
        return [(blanks, ""), (text, style), (f"  {red or '':>3}", "bold red")]

    def _unfolded(self, context: str) -> list[Line]:
        """Return a row for each entry point, when they do not all look the same."""
        rows = [(self.board.label(name), self._signs(context, [[name]])) for name in self._entry_points]
        if all(signs == rows[0][1] for _, signs in rows):
            return []
        return [[(f"  {label}".ljust(self._names_width), "dim"), *signs] for label, signs in rows]


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
