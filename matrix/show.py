"""How a run is shown while it goes on and when it is over: on a terminal, in a log, or not at all."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, TextIO

from matrix.board import Board, Mark
from matrix.cells import GATE
from matrix.grid import Grid, Line, legend, probe_legend
from matrix.perform import CONTROL
from matrix.verdict import Verdict

if TYPE_CHECKING:
    from matrix.judged import Judged, RunResult

__all__ = ("Plain", "Show", "can_show", "closing_lines", "terminal_width")

# More than this is not read on a terminal; the files of the run have all of it.
MAX_LISTED = 20
# From how many cells on one probe's failures become one entry.
MAX_ALIKE = 3


class Show:
    """Follows a run. This one shows nothing: for output that a program reads."""

    def start(self) -> None:
        """Begin to show progress."""

    def finish(self, judged: Judged) -> None:
        """Take note of a finished cell, which the board knows already."""

    def stop(self) -> None:
        """Stop showing progress."""

    def close(self, result: RunResult) -> None:
        """Show what the run has found, after :meth:`stop`."""


class Plain(Show):
    """Shows a run in a log: a line for each context when it is through, and red cells at once."""

    def __init__(self, board: Board, stream: TextIO) -> None:
        self._board = board
        self._stream = stream
        self._ascii_only = not can_show(stream)
        self._alike: Counter[tuple[str, str]] = Counter()
        self._left = Counter(cell.context for cell in board.cells)
        self._widest = max(map(len, self._left), default=0)

    def finish(self, judged: Judged) -> None:
        """Write what is worth a line by now."""
        if judged.verdict is not Verdict.OK:
            self._red(judged)
        context = judged.cell.context
        self._left[context] -= 1
        if not self._left[context]:
            self._write(self._line_of(context))

    def close(self, result: RunResult) -> None:
        """Write the grid and the end of the report."""
        width = terminal_width()
        for line in closing_lines(self._board, result, width=width, ascii_only=self._ascii_only):
            self._write("".join(text for text, _ in line).rstrip())

    def _red(self, judged: Judged) -> None:
        """Write a red cell at once, but not a whole log of the same."""
        alike = (judged.cell.target, judged.cell.probe)
        self._alike[alike] += 1
        if self._alike[alike] > MAX_ALIKE:
            return
        sign = Mark.of(judged.record.outcome).sign(ascii_only=self._ascii_only)
        more = (
            "  (further ones of this probe are in the grid below)" if self._alike[alike] == MAX_ALIKE else ""
        )
        self._write(f"{sign} {judged.cell.id}: {' '.join(judged.sentence.split())[:400]}{more}")

    def _line_of(self, context: str) -> str:
        own = [cell for cell in self._board.cells if cell.context == context and cell.target != CONTROL]
        counts = []
        for mark in Mark:
            number = sum(self._board.mark(cell) is mark for cell in own)
            if number:
                counts.append(f"{number} {mark.word}")
        caught = self._board.controls(context)
        if caught.total:
            counts.append(f"controls {caught.finished - caught.red}/{caught.total}")
        seconds = time.monotonic() - self._board.began
        done = self._board.tally()
        return (
            f"{context:<{self._widest}}  {', '.join(counts)}  [{done.finished}/{done.total}, {seconds:.1f} s]"
        )

    def _write(self, text: str) -> None:
        encoding = self._stream.encoding or "utf-8"
        print(text.encode(encoding, "replace").decode(encoding), file=self._stream, flush=True)


def can_show(stream: TextIO) -> bool:
    """Whether a stream can carry the signs of the grid."""
    try:
        "".join(mark.value[1] for mark in Mark).encode(stream.encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def terminal_width() -> int:
    """Return how many columns there are; 100 where nobody says."""
    with contextlib.suppress(OSError, ValueError):
        return os.get_terminal_size(sys.stdout.fileno()).columns
    return int(os.environ.get("COLUMNS", "100")) if os.environ.get("COLUMNS", "100").isdecimal() else 100


def closing_lines(board: Board, result: RunResult, *, width: int, ascii_only: bool) -> list[Line]:
    """Return the end of a report: a grid for each target, what is unexpected, and the totals."""
    lines: list[Line] = []
    for target in board.targets():
        lines += [[], _title(board, target)]
        lines += Grid(board, target, width=width, ascii_only=ascii_only).lines()
        lines += [[], *probe_legend(board.columns(target), width)]
    lines += [[], legend(ascii_only=ascii_only)]
    if result.unexpected:
        lines += _unexpected(board, result, ascii_only=ascii_only)
    return [*lines, [], *_totals(result)]


def _title(board: Board, target: str) -> Line:
    names = ", ".join(board.label(name) for name in board.entry_points(target))
    return [(target, "bold"), (f"  {names}", "dim")]


def _unexpected(board: Board, result: RunResult, *, ascii_only: bool) -> list[Line]:
    """Return what is red: cell by cell, or in one entry where one probe is red in many cells."""
    groups: dict[tuple[object, ...], list[Judged]] = {}
    for one in result.unexpected:
        groups.setdefault((one.cell.target, one.cell.probe, one.verdict, one.record.outcome), []).append(one)
    entries = [
        part for group in groups.values() for part in ([group] if len(group) > MAX_ALIKE else _each(group))
    ]
    claims = {
        column.probe.name: column.probe.claim
        for target in board.targets()
        for column in board.columns(target)
    }
    lines: list[Line] = [[]]
    for entry in entries[:MAX_LISTED]:
        sign = Mark.of(entry[0].record.outcome).sign(ascii_only=ascii_only)
        lines += _entry(entry, sign, claims.get(entry[0].cell.probe, ""))
    if len(entries) > MAX_LISTED:
        lines.append([(f"  and {len(entries) - MAX_LISTED} more; matrix.json lists all of them", "dim")])
    return lines


def _each(group: list[Judged]) -> list[list[Judged]]:
    return [[one] for one in group]


def _entry(group: list[Judged], sign: str, claim: str) -> list[Line]:
    """Return one entry of the list: the cell, or the pattern of all cells that are red in the same way."""
    first = group[0]
    cell, note, example = first.cell.id, "", ""
    if len(group) > 1:
        contexts = len({one.cell.context for one in group})
        cell = f"{first.cell.target}/*/*/{first.cell.probe}"
        note = f"  {len(group)} cells in {contexts} contexts"
        example = f"{first.cell.entry_point} in {first.cell.context}: "
    # Against another library's bridge nothing has regressed: it is what it is.
    verdict = (
        first.verdict.value if first.cell.target in GATE or first.verdict is not Verdict.REGRESSION else ""
    )
    return [
        [(f"{sign} ", "bold red"), (cell, "bold"), (note, ""), (f"  {verdict}", "red")],
        [(f"    claim: {claim}", "dim")],
        [(f"    {example}{' '.join(first.sentence.split())[:400]}", "")],
        [(f"    python -m matrix run --cell {shlex.quote(cell)}", "cyan")],
    ]


def _totals(result: RunResult) -> list[Line]:
    counts = ", ".join(f"{number} {word}" for word, number in result.outcomes().items()) or "nothing judged"
    cells = len(result.judged)
    rate = f"{cells / result.seconds:.1f} cells/s" if result.seconds else ""
    lines: list[Line] = []
    if result.controls:
        caught = sum(one.verdict is Verdict.OK for one in result.controls)
        style = "green" if caught == len(result.controls) else "bold white on red"
        lines.append([(f"controls: {caught} of {len(result.controls)} broken bridges noticed", style)])
    known = sum(one.expectation is not None and one.verdict is Verdict.OK for one in result.judged)
    if known:
        lines.append([(f"known failures: {known}, see matrix/expectations.toml", "yellow")])
    red = len(result.unexpected)
    verdict = "interrupted" if result.interrupted else f"{red} unexpected" if red else "all as expected"
    style = "bold red" if red or result.interrupted else "bold green"
    lines.append([(verdict, style), (f": {counts}; {cells} cells in {result.seconds:.1f} s, {rate}", "")])
    return lines
