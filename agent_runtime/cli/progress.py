"""The progress of a run on a terminal: a line for each step that has ended, and one for those in progress."""

from __future__ import annotations

import io
import os
import re
import shutil
import unicodedata
from collections.abc import Callable
from typing import TextIO

from agent_runtime.cli.output import one_line
from agent_runtime.results.events import (
    StepCancelled,
    StepFailed,
    StepFinished,
    StepRetrying,
    StepSkipped,
    StepStarted,
    StepWaiting,
    StreamEvent,
    WarningIssued,
)
from agent_runtime.results.run_result import StepState
from agent_runtime.results.warning_codes import WarningCode

__all__ = ("Beside", "Progress")

_OF_ITS_OWN = re.compile(r"[^.\[:]*")
"""A step that is not part of another one: its path has no dot, no index and no colon."""

_GOOD, _BAD, _ODD, _DULL = "32", "31", "33", "2"
"""Colours that add nothing to what the signs say: green, red, yellow, faint."""

_SIGNS = {
    "done": "✓",
    "failed": "✗",
    "skipped": "○",
    "again": "↻",
    "cancelled": "⊘",
    "warning": "!",
    "running": "…",
}
_PLAIN_SIGNS = {
    "done": "ok",
    "failed": "FAILED",
    "skipped": "skipped",
    "again": "again",
    "cancelled": "cancelled",
    "warning": "warning",
    "running": "...",
}


class Progress:
    """Shows the events of one run.

    Args:
        file: where; usually stderr.
        count: how many steps the workflow has.
        is_live: whether the file is a terminal that can rewrite its last line.
    """

    def __init__(self, file: TextIO, count: int, *, is_live: bool) -> None:
        self._file = file
        self._count = count
        self._is_live = is_live
        self._is_coloured = is_live and "NO_COLOR" not in os.environ
        self._signs = _SIGNS if _can_write(file, "".join(_SIGNS.values())) else _PLAIN_SIGNS
        self._running: dict[str, float] = {}
        self._inside = 0
        self._ended = 0
        self._has_live_line = False

    def show(self, event: StreamEvent) -> None:
        """Show what has happened."""
        match event:
            case StepStarted(step=step) if _OF_ITS_OWN.fullmatch(step):
                self._running[step] = event.time
            case (
                StepFinished(step=step)
                | StepSkipped(step=step)
                | StepFailed(step=step)
                | StepCancelled(step=step)
                | StepWaiting(step=step)
            ) if step in self._running:
                self._ended += 1
                self._line(*self._how_it_ended(event, event.time - self._running.pop(step)))
            case StepFinished():
                self._inside += 1
            case StepRetrying(step=step, error_type=type_, error=error):
                text = f"{step}  attempt {event.attempt}: {_told(type_, error)}; again in {event.delay:.2g} s"
                self._line("again", text, _DULL)
            case WarningIssued(code=WarningCode.CANCELLATION_IGNORED):
                pass  # the log says it, also where no progress is shown
            case WarningIssued(step=step, message=message):
                self._line("warning", f"{step}  {message}", _ODD)
        self._draw()

    def close(self) -> None:
        """Leave the terminal as it is to be."""
        self.clear()
        self._running.clear()

    def clear(self) -> None:
        """Take the line of steps in progress away, so that something else can be written."""
        if self._has_live_line:
            self._file.write("\r\x1b[2K")
            self._file.flush()
            self._has_live_line = False

    def _how_it_ended(self, event: StreamEvent, seconds: float) -> tuple[str, str, str]:
        match event:
            case StepFinished(step=step) if seconds < 0:  # a run that is gone on with tells of it once more
                return "done", f"{step}  ended before", _DULL
            case StepFinished(step=step, record=record):
                how = "" if record.state is StepState.SUCCEEDED else f"  {record.state.value}"
                more = f"  {record.attempts} attempts" if record.attempts > 1 else ""
                return "done", f"{step}  {seconds:.2f} s{how}{more}", _GOOD
            case StepWaiting(step=step, message=message):
                return "skipped", f"{step}  waits for a decision: {message}", _DULL
            case StepSkipped(step=step):
                return "skipped", f"{step}  its condition is false", _DULL
            case StepFailed(step=step, error_type=type_, error=error):
                return "failed", f"{step}  {seconds:.2f} s  {_told(type_, error)}", _BAD
            case _:
                return "cancelled", f"{getattr(event, 'step', '')}  {seconds:.2f} s", _DULL

    def _line(self, sign: str, text: str, colour: str) -> None:
        self.clear()
        mark = self._signs[sign]
        if self._is_coloured:
            mark = f"\x1b[{colour}m{mark}\x1b[0m"
        self._file.write(f"{mark} {one_line(text)}\n")
        self._file.flush()

    def _draw(self) -> None:
        """Write the line of steps in progress anew."""
        if not self._is_live or not self._running:
            return
        self.clear()
        inside = f", {self._inside} inside them" if self._inside else ""
        head = (
            f"{self._signs['running']} {self._ended} of {self._count} steps have ended{inside}; in progress: "
        )
        text = _cut(one_line(head + ", ".join(self._running)), shutil.get_terminal_size().columns - 1)
        self._file.write(text)
        self._file.flush()
        self._has_live_line = True


class Beside(io.TextIOBase):
    """What steps print, written to the same terminal without disturbing the line of steps in progress."""

    def __init__(self, file: TextIO, before: Callable[[], None]) -> None:
        self._beside = file
        self._before = before

    def writable(self) -> bool:
        """Say that this can be written to."""
        return True

    def write(self, text: str, /) -> int:
        """Write text as it is: it is the host's own code that prints."""
        self._before()
        return self._beside.write(text)

    def fileno(self) -> int:
        """Return the file's descriptor, for what is not written in Python."""
        return self._beside.fileno()

    def isatty(self) -> bool:
        """Say whether it is a terminal."""
        return self._beside.isatty()

    def flush(self) -> None:
        """Let the file have everything."""
        self._beside.flush()


def _told(type_: str, error: str) -> str:
    return f"{type_}: {error}" if error else type_


def _can_write(file: TextIO, text: str) -> bool:
    try:
        text.encode(file.encoding or "ascii")
    except (UnicodeError, LookupError):
        return False
    return True


def _cut(text: str, columns: int) -> str:
    """Shorten text to so many columns; wide characters take two."""
    for index, character in enumerate(text):
        columns -= 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if columns < 0:
            return text[: max(0, index - 1)] + "…"
    return text
