"""What waited for whom in a trace: steps for threads that were busy, loops of the host for sync calls."""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from typing import NamedTuple

from agent_runtime.tracing.spans import SpanKind
from agent_runtime.tracing.trace_file import RecordedSpan, Trace

__all__ = ("Wait", "duration", "step_around", "waits_of")

_WORTH_SAYING = 1_000.0
"""Microseconds; a guess. Shorter waits are what a hand-off costs."""


class Wait(NamedTuple):
    """Something that waited.

    Attributes:
        span: which span.
        start: from when, in microseconds.
        end: until when.
        text: who waited for whom, and how long.
        is_host_loop: whether an event loop of the host stood still.
    """

    span: int
    start: float
    end: float
    text: str
    is_host_loop: bool = False


def waits_of(trace: Trace, most: int) -> tuple[list[Wait], int]:
    """Return the longest waits of a trace, those of host loops first, and how many there are in all."""
    loops = sorted(_host_loops(trace), key=lambda wait: wait.start - wait.end)
    errands = _errands(trace)
    waiting = [(sent, span) for of_thread in errands.values() for sent, span in _waiting(of_thread)]
    waiting.sort(key=lambda pair: pair[0] - pair[1].start)
    found = loops[:most]
    for sent, span in waiting[: most - len(found)]:
        of_thread = errands[span.thread]
        until = bisect.bisect_left(of_thread, span.start, key=lambda other: other.start)
        before = of_thread[max(0, until - _LOOKED_AT) : until]
        found.append(Wait(span.number, sent, span.start, _told(trace, span, sent, before)))
    return found, len(loops) + len(waiting)


def duration(microseconds: float) -> str:
    """Write a duration for people."""
    if microseconds < 1_000:
        return f"{microseconds:.0f} µs"
    if microseconds < 1_000_000:
        return f"{microseconds / 1_000:.3g} ms"
    if microseconds < 60_000_000:
        return f"{microseconds / 1_000_000:.3g} s"
    return f"{microseconds / 60_000_000:.0f} min {microseconds / 1_000_000 % 60:.0f} s"


def step_around(trace: Trace, span: RecordedSpan) -> RecordedSpan | None:
    """Return the step that a span belongs to, if it does."""
    around: RecordedSpan | None = span
    while around is not None and around.kind is not SpanKind.STEP:
        around = None if around.parent is None else trace.spans[around.parent]
    return around


def _host_loops(trace: Trace) -> Iterator[Wait]:
    """Yield how long event loops of the host stood still because of a sync call."""
    for span in trace.spans:
        loop = span.more.get("host_loop")
        if span.kind is not SpanKind.CALL or not isinstance(loop, str):
            continue
        turned = span.time("turned")
        until = span.end if turned is None else min(turned, span.end)
        text = (
            f"The event loop of {trace.threads[span.thread]} ({loop}) stood still for"
            f" {duration(until - span.start)}: {span.name}()"
        )
        if turned is not None:
            text += f"; then it went on, while the call lasted {duration(span.end - span.start)}"
        yield Wait(span.number, span.start, until, text, is_host_loop=True)


def _errands(trace: Trace) -> dict[int, list[RecordedSpan]]:
    """Return the errands of each thread, in the order of their beginnings."""
    errands: dict[int, list[RecordedSpan]] = {}
    for span in trace.spans:
        if span.kind is SpanKind.ERRAND:
            errands.setdefault(span.thread, []).append(span)
    for of_thread in errands.values():
        of_thread.sort(key=lambda span: span.start)
    return errands


def _waiting(errands: list[RecordedSpan]) -> Iterator[tuple[float, RecordedSpan]]:
    """Yield the errands that waited for their thread, and since when."""
    for span in errands:
        sent = span.time("sent")
        if sent is not None and span.start - sent >= _WORTH_SAYING:
            yield sent, span


_LOOKED_AT = 200
"""Errands before one that are looked at, for the one that kept the thread busy; a guess."""


def _told(trace: Trace, span: RecordedSpan, sent: float, before: list[RecordedSpan]) -> str:
    step, thread = step_around(trace, span), trace.threads[span.thread]
    who = f"The function {span.name}" if step is None else f"Step {step.name}"
    text = f"{who} waited {duration(span.start - sent)} for {thread}"
    overlaps = [(min(other.end, span.start) - max(other.start, sent), other) for other in before]
    longest = max(overlaps, key=lambda pair: pair[0], default=None)
    if longest is None or longest[0] <= 0:
        return text
    busy = step_around(trace, longest[1])
    more = sum(overlap > 0 for overlap, _ in overlaps) - 1
    others = f" and {more} more" if more else ""
    return f"{text}, busy with {longest[1].name if busy is None else f'step {busy.name}'}{others}"
