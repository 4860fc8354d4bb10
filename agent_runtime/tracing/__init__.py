"""What happens in runs, as spans: on which thread, from when to when, inside of what, and what waited.

Nothing here is imported, and nothing of a run is recorded, unless ``Options(trace=...)`` asks for it.
"""

from __future__ import annotations

from agent_runtime.tracing.recorder import Recorder
from agent_runtime.tracing.spans import Span, SpanKind, Tracer, current_span

__all__ = ("Recorder", "Span", "SpanKind", "Tracer", "current_span")
