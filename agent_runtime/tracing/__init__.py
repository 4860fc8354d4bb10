"""What happens in runs, as spans: on which thread, from when to when, inside of what, and what waited.

Nothing here is imported, and nothing of a run is recorded, unless ``Options(trace=...)`` asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_runtime.tracing.recorder import Recorder
from agent_runtime.tracing.spans import Span, SpanKind, State, Tracer, current_span

if TYPE_CHECKING:
    from agent_runtime.tracing.otel import OpenTelemetryTracer
else:

    def __getattr__(name: str) -> object:
        """Import what needs the extra when it is first asked for."""
        if name != "OpenTelemetryTracer":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from agent_runtime.tracing.otel import OpenTelemetryTracer

        return OpenTelemetryTracer


__all__ = ("OpenTelemetryTracer", "Recorder", "Span", "SpanKind", "State", "Tracer", "current_span")
