"""Where things stand in a text: from indexes to lines and columns."""

from __future__ import annotations

import bisect
import re
from collections.abc import Callable

from agent_runtime.workflow.model import Position

__all__ = ("Lines", "place_in")

_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # what YAML counts as the end of a line


class Lines:
    """A text and the indexes at which its lines begin."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._starts: list[int] | None = None

    @property
    def _all_starts(self) -> list[int]:
        if self._starts is None:
            self._starts = [0, *(found.end() for found in _BREAK.finditer(self.text))]
        return self._starts

    def position(self, index: int) -> Position:
        """Return line and column of the character at ``index``."""
        line = bisect.bisect_right(self._all_starts, index)
        return Position(line, index - self._all_starts[line - 1] + 1)

    def text_of(self, line: int) -> str:
        """Return a line, counted from 0, without its end."""
        starts = self._all_starts
        if line >= len(starts):
            return ""
        return self.text[starts[line] :].splitlines()[0] if starts[line] < len(self.text) else ""

    def word_at(self, position: Position) -> str:
        """Return the unquoted word that stands at a position, up to a colon or a blank."""
        rest = self.text_of((position.line or 1) - 1)[(position.column or 1) - 1 :]
        found = re.match(r"[^\s:,{}\[\]]*", rest)
        return found.group() if found else ""


def place_in(lines: Lines, value: str, start: int, end: int, style: str | None) -> Callable[[int], Position]:
    """Return a function from an index into a scalar's value to its place in the file.

    Quoting, folding and indentation make the two differ. The marks ``${`` survive all of them, so
    the n-th mark in the value is the n-th in the file, and what follows it is counted from there.
    """
    inside = 1 if style in ("'", '"') else 0
    known: list[tuple[bool, list[int], list[int]]] = []  # filled at the first question: many get none

    def place(index: int) -> Position:
        if not known:
            as_written = lines.text.startswith(value, start + inside)
            known.append((as_written, _marks_in(value, 0, len(value)), _marks_in(lines.text, start, end)))
        as_written, in_value, in_file = known[0]
        if as_written:
            return lines.position(start + inside + index)
        number = bisect.bisect_right(in_value, index) - 1
        if number < 0 or len(in_value) != len(in_file):
            return lines.position(start)
        distance = index - in_value[number]
        same = lines.text.startswith(value[in_value[number] : index], in_file[number])
        return lines.position(in_file[number] + (distance if same else 0))

    return place


def _marks_in(text: str, start: int, end: int) -> list[int]:
    return [found.start() for found in re.compile(r"\$\{").finditer(text, start, end)]
