"""Bounded memory for what hosts say: output keeps both ends, lines have a longest length."""

from __future__ import annotations

import pytest

from matrix.capture import HEAD, TAIL, Capture
from matrix.wire import MAX_LINE, Lines, WireError


def test_capture_keeps_both_ends_of_a_flood() -> None:
    capture = Capture()

    for _ in range(100):
        capture.feed(b"x" * 1000)
    capture.feed(b"end")

    assert len(capture.text()) < HEAD + TAIL + 100
    assert f"{100_003 - HEAD - TAIL} bytes left out" in capture.text()
    assert capture.text().endswith("end")


def test_lines_are_cut_wherever_the_pieces_end() -> None:
    lines = Lines()

    assert [lines.feed(piece) for piece in (b"a", b"b\nc", b"d\n\ne")] == [[], [b"ab"], [b"cd", b""]]


def test_line_that_does_not_end_is_refused() -> None:
    with pytest.raises(WireError, match="longer than"):
        Lines().feed(b"x" * (MAX_LINE + 1))
