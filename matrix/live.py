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
        foot = [legend(ascii_only=self._ascii_only), *self._running(), self._progress()]
        targets = self._board.targets()
        room = self._console.height - len(foot) - 5 * len(targets)
        lines: list[Line] = []
        for target in targets:
            lines += self._grid(target, room // len(targets), titled=len(targets) > 1)
        return _as_text([*lines, *foot])

    def _grid(self, target: str, rows: int, *, titled: bool) -> list[Line]:
        """Return a target's grid, with no more rows than there is room for: first those that matter now."""
        contexts = self._board.contexts(target)
        shown, note = contexts, ""
        if len(contexts) > rows:
            urgent = sorted(contexts, key=lambda context: self._urgency(target, context))[: max(1, rows)]
            shown = [context for context in contexts if context in urgent]
            note = f"and {len(contexts) - len(shown)} more contexts; the final grid has all of them"
        grid = Grid(
            self._board,
            target,
            self._console.width,
            ascii_only=self._ascii_only,
            unfold=False,
            contexts=tuple(shown),
        )
        title: list[Line] = [[(target, "bold")]] if titled else []
        return [*title, *grid.lines(), [(note, "dim")]]

    def _urgency(self, target: str, context: str) -> int:
        """Red rows first, then those that run, those that wait, and those that are through."""
        own = [cell for cell in self._board.cells if cell.context == context and cell.target == target]
        tally = self._board.tally(own)
        if tally.red:
            return 0
        if tally.finished == tally.total:
            return 3
        running = any(cell.context == context for cell in self._board.running.copy())
        return 1 if running or tally.finished else 2

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
