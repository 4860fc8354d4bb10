"""The timeline of a trace as one HTML page that needs nothing else: no server, no network, no other file.

Its parts lie beside this module. They are put together with the trace as JSON, which the page's script reads;
nothing that a trace says is ever taken for markup or for a script.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import time
from pathlib import Path
from typing import Any

from agent_runtime.tracing.lanes import Lane, lanes_of
from agent_runtime.tracing.spans import SpanKind
from agent_runtime.tracing.trace_file import RecordedSpan, Trace
from agent_runtime.tracing.waits import Wait, duration, step_around, waits_of

__all__ = ("page_of",)

_FOLDER = Path(__file__).parent

_MAX_COUNTS = 20
"""Numbers that are told of what a question has used; a guess. Servers count four or five things."""

_MAX_WAITS = 100
"""Waits that are listed; a guess. The longest come first."""


def page_of(trace: Trace) -> str:
    """Return the page of a trace."""
    script = (_FOLDER / "timeline.js").read_text(encoding="utf-8")
    style = (_FOLDER / "timeline.css").read_text(encoding="utf-8")
    parts = {
        "policy": html.escape(_policy(script, style)),
        "style": style,
        "title": html.escape(_title(trace)),
        "data": _embedded(_data(trace)),
        "script": script,
    }
    template = (_FOLDER / "timeline.html").read_text(encoding="utf-8")
    # In one pass: what is put in is not looked at again, whatever a trace says.
    return re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], template)


def _policy(script: str, style: str) -> str:
    """Return what the page may do: run this very script, use this very style, and nothing else at all."""
    return (
        f"default-src 'none'; script-src {_source(script)}; style-src {_source(style)};"
        " base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _embedded(data: object) -> str:
    """Return JSON that cannot end the element it stands in."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=True)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _title(trace: Trace) -> str:
    names = list(dict.fromkeys(span.name for span in trace.spans if span.kind is SpanKind.RUN))
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3]) or 'no run'}{more}: {duration(trace.end)}"


def _data(trace: Trace) -> dict[str, Any]:
    lanes, (waits, count) = lanes_of(trace), waits_of(trace, _MAX_WAITS)
    rows = {number: row for lane in lanes for number, row in lane.places.items()}
    when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(trace.started))
    counts = {kind: sum(span.kind is kind for span in trace.spans) for kind in SpanKind}
    words = [
        f"{count} {_counted(kind)}{'' if count == 1 else 's'}" for kind, count in counts.items() if count
    ]
    dropped = f"; {trace.dropped} further spans were not kept" if trace.dropped else ""
    return {
        "title": _title(trace),
        "about": f"{when} · {trace.python} · {', '.join(words)}{dropped}",
        "end": trace.end,
        "lanes": [_lane_data(lane) for lane in lanes],
        "spans": [_span_data(trace, span, rows[span.number]) for span in trace.spans],
        "waits": [_wait_data(wait) for wait in waits],
        "more_waits": count - len(waits),
    }


def _counted(kind: SpanKind) -> str:
    """Return what the spans of a kind are when they are counted: one model is asked many times."""
    return f"{kind} call" if kind in (SpanKind.MODEL, SpanKind.TOOL) else kind.value


def _lane_data(lane: Lane) -> dict[str, Any]:
    return {"thread": lane.thread, "name": lane.name, "role": lane.role, "rows": lane.rows}


def _wait_data(wait: Wait) -> dict[str, Any]:
    return {
        "span": wait.span,
        "start": wait.start,
        "end": wait.end,
        "text": wait.text,
        "host": wait.is_host_loop,
    }


def _texts(value: object) -> list[str] | None:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else None


_MORE = (
    "answered_by",
    "asked_again",
    "attempt",
    "attempts",
    "call_id",
    "calls",
    "client",
    "finish_reason",
    "function",
    "host_loop",
    "model",
    "number",
    "outcome",
    "purpose",
    "scenario",
    "step",
)
"""Attributes that the page tells as they are."""


def _usage_of(span: RecordedSpan) -> str | None:
    """Return what a question or a step has used, as text."""
    usage = span.more.get("usage")
    counts = list(usage.items())[:_MAX_COUNTS] if isinstance(usage, dict) else []
    told = [f"{key.replace('_', ' ')} {value}" for key, value in counts if type(value) in (int, float)]
    return ", ".join(told) or None


def _span_data(trace: Trace, span: RecordedSpan, row: int) -> dict[str, Any]:
    step = step_around(trace, span) if span.kind is SpanKind.ERRAND else None
    data = {
        "kind": span.kind.value,
        "name": span.name.rpartition("<locals>.")[2] if step is not None else span.name,
        "of": None if step is None else step.name,
        "thread": span.thread,
        "row": row,
        "start": round(span.start, 1),
        "end": round(span.end, 1),
        "state": "unfinished" if span.state is None else span.state.value,
        "parent": span.parent,
        "run": span.run,
        "error_type": span.error_type,
        "error": span.error,
        "after": _texts(span.more.get("after")),
        "warnings": _texts(span.more.get("warnings")),
        "sent": span.time("sent"),
        "received": span.time("received"),
    }
    data["usage"] = _usage_of(span)
    for key in _MORE:
        value = span.more.get(key)
        data[key] = value if isinstance(value, str | int) else None
    return {key: value for key, value in data.items() if value is not None}
