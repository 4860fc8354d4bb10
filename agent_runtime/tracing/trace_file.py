"""Traces read back from files: checked, because anybody may have written them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from agent_runtime.errors.stacks import is_of_the_caller
from agent_runtime.tracing.recorder import FORMAT, VERSION
from agent_runtime.tracing.spans import SpanKind, State

__all__ = ("RecordedSpan", "Trace", "TraceError", "read_trace", "trace_of")

_MAX_BYTES = 256_000_000
"""A hundred thousand spans, the most that a recorder keeps unless it is told otherwise, have 30 million."""

_MAX_TIME = 1e15
"""Microseconds; thirty years."""


class TraceError(ValueError):
    """A file is not a trace; the message says where, and what was expected."""


@dataclass(frozen=True, slots=True)
class RecordedSpan:
    """A span as a file has it; times are microseconds from the first one.

    Attributes:
        number: its place among the others.
        kind: what it stands for.
        name: of the entry point, the workflow, the step or the function.
        thread: number of its thread.
        start: when it began.
        end: when it ended; the end of the trace, if it had not ended then.
        state: how it ended; None if it had not.
        parent: number of the span around it.
        run: the run that it belongs to.
        error_type: name of the class of the exception.
        error: the exception as text.
        more: the other attributes; see :class:`Span`.
    """

    number: int
    kind: SpanKind
    name: str
    thread: int
    start: float
    end: float
    state: State | None
    parent: int | None
    run: str
    error_type: str | None
    error: str | None
    more: Mapping[str, Any] = field(default_factory=dict)

    def time(self, name: str) -> float | None:
        """Return one of the further times, if it is there: ``sent``, ``received`` or ``turned``."""
        value = self.more.get(name)
        return float(value) if _is_time(value) else None


@dataclass(frozen=True, slots=True)
class Trace:
    """A whole trace.

    Attributes:
        spans: in the order of their beginnings; a parent comes before what is inside it.
        threads: names by number.
        started: when the first began, in seconds since the epoch.
        python: what it ran on.
        dropped: how many spans were not kept.
    """

    spans: tuple[RecordedSpan, ...]
    threads: tuple[str, ...]
    started: float
    python: str
    dropped: int

    @property
    def end(self) -> float:
        """When the last span ended, in microseconds."""
        return max((span.end for span in self.spans), default=0.0)


def read_trace(path: str | os.PathLike[str]) -> Trace:
    """Read a trace from a file.

    Raises:
        TraceError: it is not a trace.
        OSError: it cannot be read.
    """
    name = os.fspath(path)
    with open(path, "rb") as file:
        data = file.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise TraceError(f"{name}: the file has more than {_MAX_BYTES} bytes")
    try:
        value = json.loads(data)
    except json.JSONDecodeError as error:
        raise TraceError(f"{name}:{error.lineno}:{error.colno}: this is not JSON: {error.msg}") from None
    except (ValueError, RecursionError) as error:  # Python refuses numbers of thousands of digits as well
        if is_of_the_caller(error):
            raise
        raise TraceError(f"{name}: this is not JSON in UTF-8, or nothing that a trace has") from None
    try:
        return trace_of(value)
    except TraceError as error:
        raise TraceError(f"{name}: {error}") from None


def trace_of(data: object) -> Trace:
    """Check what a recorder has made of its spans, or a file has of them.

    Raises:
        TraceError: it is not a trace.
    """
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise TraceError(
            f"this is not a trace: 'format' must be '{FORMAT}'; 'agent-runtime run --trace' writes one"
        )
    if data.get("version") != VERSION:
        raise TraceError(
            f"this trace is of version {data.get('version')!r}, and this release reads {VERSION}"
        )
    threads, spans = data.get("threads"), data.get("spans")
    if not isinstance(threads, list) or not all(isinstance(name, str) for name in threads):
        raise TraceError("'threads' must be an array of texts")
    if not isinstance(spans, list):
        raise TraceError("'spans' must be an array")
    last = max(
        (span["end"] for span in spans if isinstance(span, dict) and _is_time(span.get("end"))), default=0.0
    )
    return Trace(
        spans=tuple(_span_of(span, number, len(threads), last) for number, span in enumerate(spans)),
        threads=tuple(threads),
        started=float(data["started"]) if _is_time(data.get("started")) else 0.0,
        python=str(data.get("python", "")),
        dropped=data["dropped"] if type(data.get("dropped")) is int else 0,
    )


def _span_of(data: object, number: int, threads: int, last: float) -> RecordedSpan:
    where = f"spans[{number}]"
    if not isinstance(data, dict):
        raise TraceError(f"{where} must be an object")
    for key in ("kind", "name", "run"):
        if not isinstance(data.get(key), str):
            raise TraceError(f"{where}: '{key}' must be a text")
    for key in ("error_type", "error", "state"):
        if not isinstance(data.get(key), str | None):
            raise TraceError(f"{where}: '{key}' must be a text")
    if data["kind"] not in list(SpanKind) or data.get("state") not in [None, *State]:
        raise TraceError(f"{where}: its kind or state is none that there is")
    thread, parent, start = data.get("thread"), data.get("parent"), data.get("start")
    if type(thread) is not int or not 0 <= thread < threads:
        raise TraceError(f"{where}: 'thread' must be the number of a thread")
    if parent is not None and (type(parent) is not int or not 0 <= parent < number):
        raise TraceError(f"{where}: 'parent' must be the number of a span before it")
    if not _is_time(start) or not _is_time(data.get("end", 0)):
        raise TraceError(f"{where}: 'start' and 'end' must be microseconds")
    known = {"kind", "name", "run", "error_type", "error", "state", "thread", "parent", "start", "end"}
    return RecordedSpan(
        number=number,
        kind=SpanKind(data["kind"]),
        name=data["name"],
        thread=thread,
        start=float(start),
        end=max(float(start), float(data.get("end", last))),
        state=None if data.get("state") is None else State(data["state"]),
        parent=parent,
        run=data["run"],
        error_type=data.get("error_type"),
        error=data.get("error"),
        more={key: value for key, value in data.items() if key not in known},
    )


def _is_time(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and -_MAX_TIME < value < _MAX_TIME
