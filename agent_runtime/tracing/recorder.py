"""A tracer that keeps spans, for a file or a test."""

from __future__ import annotations

import itertools
import json
import os
import platform
import time
from collections.abc import Mapping
from typing import Any

from agent_runtime.tracing.spans import Span

__all__ = ("FORMAT", "VERSION", "Recorder")

FORMAT = "agent-runtime trace"
VERSION = 1


class Recorder:
    """Keeps the spans of all runs that it is told of; threads and runtimes may share it.

    Args:
        limit: how many spans are kept, the first ones; later ones are only counted.
        errors: whether the texts of exceptions are kept; these may repeat inputs. The names of their
            classes are kept in any case.

    Attributes:
        spans: what has been kept, in the order of their beginnings.
        dropped: how many were not kept.
    """

    def __init__(self, *, limit: int = 100_000, errors: bool = False) -> None:
        self.wants_errors = errors
        self.spans: list[Span] = []
        self.dropped = 0
        self._limit = limit
        self._numbers = itertools.count()
        self._epoch = time.time() - time.monotonic()

    def started(self, span: Span) -> None:
        """Keep a span."""
        number = next(self._numbers)  # one instruction: no two threads get the same
        if number < self._limit:
            self.spans.append(span)
        else:
            self.dropped = number + 1 - self._limit

    def ended(self, span: Span) -> None:
        """Do nothing: a span knows its own end."""

    def as_data(self) -> dict[str, Any]:
        """Return everything as plain data, for JSON; see docs/tracing.md. Spans still open have no end."""
        spans = list(self.spans)
        first = min((span.started for span in spans), default=0)
        numbers = {id(span): number for number, span in enumerate(spans)}
        threads: dict[tuple[int, str], int] = {}
        return {
            "format": FORMAT,
            "version": VERSION,
            "started": self._epoch + first / 1e9,
            "process": os.getpid(),
            "python": f"{platform.python_implementation()} {platform.python_version()}",
            "dropped": self.dropped,
            "spans": [_as_data(span, first, numbers, threads, errors=self.wants_errors) for span in spans],
            "threads": [name for _, name in threads],
        }

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write everything as JSON; ``agent-runtime trace`` makes a page of it.

        Raises:
            OSError: the file cannot be written.
        """
        text = json.dumps(self.as_data(), separators=(",", ":"))
        with open(path, "w", encoding="utf-8") as file:
            file.write(text + "\n")


def _as_data(
    span: Span,
    first: int,
    numbers: Mapping[int, int],
    threads: dict[tuple[int, str], int],
    *,
    errors: bool,
) -> dict[str, Any]:
    """Return a span as plain data: microseconds since the first one began."""
    attributes = {
        key: (value - first) / 1e3
        if key in ("sent", "received", "turned") and isinstance(value, int)
        else value
        for key, value in span.attributes.items()
    }
    data = {
        "kind": span.kind.value,
        "name": span.name,
        "parent": numbers.get(id(span.parent)),
        "run": span.run_id,
        "thread": threads.setdefault((span.thread, span.thread_name), len(threads)),
        "start": (span.started - first) / 1e3,
        "end": None if span.ended is None else (span.ended - first) / 1e3,
        "state": None if span.ended is None else span.state.value,
        "error_type": span.error_type,
        "error": span.error if errors else None,  # another tracer may have asked for it
        **attributes,
    }
    return {key: value for key, value in data.items() if value is not None}
