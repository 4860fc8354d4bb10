"""A tracer that makes spans of OpenTelemetry; needs the extra ``agent-runtime[otel]``."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, NamedTuple

from agent_runtime.tracing import genai
from agent_runtime.tracing.spans import Span, SpanKind, State

if TYPE_CHECKING:
    from opentelemetry import context, trace

__all__ = ("OpenTelemetryTracer",)

_INDEX = re.compile(r"\[\d+\]")


class OpenTelemetryTracer:
    """Tells OpenTelemetry of runs and what is done in them, each as a span inside what it was begun in.

    A span that is current where an entry point is called is the parent of the call. What a step does finds
    the span of its errand, or of its step, as the current one, on whichever thread it runs; so spans of its
    own, or of a client library, have the right parent. In the caller nothing changes.

    Neither inputs nor outputs become attributes, and of an exception only the name of its class does.

    Args:
        provider: where spans go; by default the global provider.
        errors: whether the texts of exceptions are told as well; these may repeat inputs.

    Raises:
        ImportError: opentelemetry-api is not installed.
    """

    def __init__(self, provider: trace.TracerProvider | None = None, *, errors: bool = False) -> None:
        try:
            from opentelemetry import context, trace
        except ImportError as error:
            raise ImportError(
                "OpenTelemetryTracer needs opentelemetry-api; install agent-runtime[otel]"
            ) from error
        self.wants_errors = errors
        self._trace = trace
        self._context = context
        self._kinds = (trace.SpanKind.INTERNAL, trace.SpanKind.CLIENT)
        self._tracer = trace.get_tracer("agent_runtime", tracer_provider=provider)
        self._epoch = time.time_ns() - time.monotonic_ns()

    def started(self, span: Span) -> None:
        """Begin a span, and make it OpenTelemetry's current one in the context that is the span's own."""
        # Another one that is told of the same spans may have made its own span the current one already.
        others = [made.around for made in span.marks.values() if isinstance(made, _Made)]
        around = others[0] if others else self._context.get_current()
        parent = None if span.parent is None else self._made(span.parent)
        inside = around if parent is None else self._trace.set_span_in_context(parent, around)
        made = self._tracer.start_span(
            _name(span),
            context=inside,
            kind=self._kinds[span.kind is SpanKind.MODEL],
            attributes={**_attributes(span), **genai.attributes(span)},
            start_time=self._epoch + span.started,
        )
        span.marks[self] = _Made(made, around)
        # Never detached: the context ends with the span, and detaching in another one is an error.
        self._context.attach(self._trace.set_span_in_context(made, inside))

    def ended(self, span: Span) -> None:
        """End the span."""
        made = self._made(span)
        if made is None:
            return
        made.set_attributes({**_attributes_of_end(span), **genai.attributes_of_end(span)})
        if span.state is State.FAILED:
            told = span.error_type or "failed"
            if self.wants_errors and span.error is not None:
                told += f": {span.error}"
            made.set_status(self._trace.Status(self._trace.StatusCode.ERROR, told))
        made.end(self._epoch + (span.ended or span.started))

    def _made(self, span: Span) -> trace.Span | None:
        """Return what this has made of a span, if it was told of it."""
        made = span.marks.get(self)
        return made.span if isinstance(made, _Made) else None


class _Made(NamedTuple):
    """What a tracer has made of a span, and what was current before."""

    span: trace.Span
    around: context.Context


def _name(span: Span) -> str:
    """Return what a span is called there: few names for many items."""
    return genai.name(span) or f"{span.kind} {_INDEX.sub('[]', span.name)}"


def _attributes(span: Span) -> dict[str, str | int | float | list[str]]:
    """Return what is known of a span when it begins: names of files and code, never a value."""
    found: dict[str, str | int | float | list[str]] = {
        "agent_runtime.kind": span.kind.value,
        "agent_runtime.run_id": span.run_id,
        "thread.id": span.thread,
        "thread.name": span.thread_name,
    }
    if span.kind is SpanKind.RUN:
        found["agent_runtime.workflow.model"] = span.name
    elif span.kind in (SpanKind.STEP, SpanKind.ATTEMPT):
        found["agent_runtime.step"] = span.name
    elif span.kind is SpanKind.ERRAND:
        found["code.function.name"] = span.name
    for key, value in span.attributes.items():
        if key in ("step", "function", "number", "lane", "host_loop") and isinstance(value, str | int):
            found[f"agent_runtime.{'action' if key == 'step' else key}"] = value
        elif key == "after" and isinstance(value, list):
            found["agent_runtime.after"] = [str(each) for each in value]
        elif key == "sent" and isinstance(value, int):
            found["agent_runtime.waited_ms"] = (span.started - value) / 1e6
    return found


def _attributes_of_end(span: Span) -> dict[str, str | int | float | list[str]]:
    found: dict[str, str | int | float | list[str]] = {"agent_runtime.state": span.state.value}
    if span.error_type is not None:
        found["error.type"] = span.error_type
    for key in ("attempts", "outcome"):
        value = span.attributes.get(key)
        if isinstance(value, str | int):
            found[f"agent_runtime.{key}"] = value
    if isinstance(warnings := span.attributes.get("warnings"), list):
        found["agent_runtime.warnings"] = warnings
    if isinstance(loop := span.attributes.get("host_loop"), str):
        turned = span.attributes.get("turned")
        until = turned if isinstance(turned, int) else span.ended or span.started
        found["agent_runtime.host_loop"] = loop
        found["agent_runtime.host_loop_stood_still_ms"] = (until - span.started) / 1e6
    return found
