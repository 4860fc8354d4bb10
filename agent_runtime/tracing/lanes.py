"""Where spans stand on a page: a lane for each thread, and rows in it so that none covers another."""

from __future__ import annotations

from typing import NamedTuple

from agent_runtime.tracing.spans import SpanKind
from agent_runtime.tracing.trace_file import RecordedSpan, Trace

__all__ = ("Lane", "lanes_of")

MAX_ROWS = 200
"""Rows of one lane; what would need more stands in the last one. A guess."""


class Lane(NamedTuple):
    """One thread.

    Attributes:
        thread: its number.
        name: its name.
        role: what it is to the runs: caller, loop, worker.
        rows: how many rows it needs.
        places: the row of each of its spans, by the span's number.
    """

    thread: int
    name: str
    role: str
    rows: int
    places: dict[int, int]


def lanes_of(trace: Trace) -> list[Lane]:
    """Return the lanes: callers first, then loops, then workers, each in the order of their beginnings."""
    by_thread: dict[int, list[RecordedSpan]] = {}
    for span in trace.spans:
        by_thread.setdefault(span.thread, []).append(span)
    lanes = [_lane(trace, thread, spans) for thread, spans in by_thread.items()]
    order = ("caller", "caller and loop", "loop", "worker")
    return sorted(lanes, key=lambda lane: order.index(lane.role))


def _lane(trace: Trace, thread: int, spans: list[RecordedSpan]) -> Lane:
    places: dict[int, int] = {}
    ends: list[float] = []  # when the last span of each row ends
    for span in sorted(spans, key=lambda span: (span.start, span.number)):
        row = _row_below(trace, span, places)
        while row < min(len(ends), MAX_ROWS - 1) and ends[row] > span.start:
            row += 1
        row = min(row, MAX_ROWS - 1)
        ends += [0.0] * (row + 1 - len(ends))
        ends[row] = max(ends[row], span.end)
        places[span.number] = row
    return Lane(thread, trace.threads[thread], _role_of(spans), len(ends), places)


def _row_below(trace: Trace, span: RecordedSpan, places: dict[int, int]) -> int:
    """Return the first row that a span may stand in: below the nearest one around it in the same lane."""
    parent = span.parent
    while parent is not None:
        if parent in places:
            return places[parent] + 1
        parent = trace.spans[parent].parent
    return 0


def _role_of(spans: list[RecordedSpan]) -> str:
    kinds = {span.kind for span in spans}
    calls = any(span.kind is SpanKind.CALL and span.parent is None for span in spans)
    if SpanKind.RUN in kinds:
        return "caller and loop" if calls else "loop"
    lanes = {span.more.get("lane") for span in spans if span.kind is SpanKind.ERRAND}
    return "caller" if calls or "worker" not in lanes else "worker"
