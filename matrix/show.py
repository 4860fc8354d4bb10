"""How a run is shown while it goes on and when it is over: on a terminal, in a log, or not at all."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, TextIO

from matrix.board import Board, Mark
from matrix.closing import closing_lines
from matrix.targets import is_control
from matrix.verdict import Verdict

if TYPE_CHECKING:
    from matrix.judged import Judged, RunResult

__all__ = ("Plain", "Show", "can_show", "terminal_width")

# How many red cells of one probe, or of one context with the same sentence, are written one by one.
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
        alike = ((judged.cell.target, judged.cell.probe), (judged.cell.context, judged.sentence))
        if any(self._alike[key] >= MAX_ALIKE for key in alike):
            return
        self._alike.update(alike)
        sign = Mark.of(judged.record.outcome).sign(ascii_only=self._ascii_only)
        last = any(self._alike[key] == MAX_ALIKE for key in alike)
        more = "  (more of the same is in the grid below)" if last else ""
        self._write(f"{sign} {judged.cell.id}: {' '.join(judged.sentence.split())[:400]}{more}")

    def _line_of(self, context: str) -> str:
        here = [cell for cell in self._board.cells if cell.context == context]
        own = [cell for cell in here if not is_control(cell.target)]
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
