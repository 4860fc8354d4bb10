"""The grid on a terminal while it fills; the only file that knows rich, and only when it is used."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from matrix.closing import closing_lines
from matrix.grid import Grid, Line, legend
from matrix.show import Show, can_show

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from matrix.board import Board
    from matrix.judged import RunResult

__all__ = ("Live",)

BAR = 30
REFRESHES_PER_SECOND = 8
MAX_RUNNING = 4


class Live(Show):
    """Draws the grid in place on a terminal. Raises ImportError where rich is not installed."""

    def __init__(self, board: Board) -> None:
        from rich.console import Console
        from rich.live import Live as RichLive

        self._board = board
        self._console: Console = Console(highlight=False)
        self._ascii_only = not can_show(self._console.file)  # type: ignore[arg-type]  # rich says IO[str]
        # The thread of RichLive only reads the board; a grid that is one cell behind harms nobody.
        self._live = RichLive(
            console=self._console,
            get_renderable=self._frame,
            refresh_per_second=REFRESHES_PER_SECOND,
            transient=True,
        )

    def start(self) -> None:
        """Take over the terminal."""
        self._live.start()

    def stop(self) -> None:
        """Leave the terminal as it was before the first frame."""
        self._live.stop()

    def close(self, result: RunResult) -> None:
        """Print the final grid and the end of the report."""
        width = self._console.width
        for line in closing_lines(self._board, result, width=width, ascii_only=self._ascii_only):
            self._console.print(_as_text([line]), soft_wrap=True)

    def _frame(self) -> Text:
        lines: list[Line] = []
        for target in self._board.targets():
            lines += [[(target, "bold")]] if len(self._board.targets()) > 1 else []
            grid = Grid(self._board, target, self._console.width, ascii_only=self._ascii_only, unfold=False)
            lines += [*grid.lines(), []]
        lines += [legend(ascii_only=self._ascii_only), *self._running(), self._progress()]
        return _as_text(lines)

    def _running(self) -> list[Line]:
        now = time.monotonic()
        running = sorted(self._board.running.copy().items(), key=lambda item: item[1])[:MAX_RUNNING]
        return [[("> ", "bold cyan"), (f"{cell.id}  {now - began:.1f} s", "dim")] for cell, began in running]

    def _progress(self) -> Line:
        done = self._board.tally()
        seconds = time.monotonic() - self._board.began
        rate = done.finished / seconds if seconds else 0.0
        left = f"  about {_clock((done.total - done.finished) / rate)} left" if rate else ""
        full = BAR * done.finished // max(1, done.total)
        sign = "#" if self._ascii_only else "━"
        return [
            (sign * full, "green" if not done.red else "red"),
            (sign * (BAR - full), "dim"),
            (f"  {done.finished}/{done.total}  {rate:.1f} cells/s  {_clock(seconds)}{left}", ""),
            (f"  {done.red} red" if done.red else "", "bold red"),
        ]


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _as_text(lines: list[Line]) -> Text:
    from rich.text import Text

    text = Text(no_wrap=True, overflow="ellipsis")
    for number, line in enumerate(lines):
        text.append("\n" if number else "")
        for part, style in line:
            text.append(part, style=style)
    return text
