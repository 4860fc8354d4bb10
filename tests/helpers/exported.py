"""What comes out of OpenTelemetry: the spans of a provider of one's own."""

from __future__ import annotations

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

__all__ = ("Exported",)


class Exported:
    """A provider of its own, and what has come out of it."""

    def __init__(self) -> None:
        self.provider = TracerProvider()
        self._exporter = InMemorySpanExporter()
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.own = self.provider.get_tracer("test")

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self._exporter.get_finished_spans())

    def named(self, name: str) -> ReadableSpan:
        (found,) = [span for span in self.spans if span.name == name]
        return found

    def path_to(self, span: ReadableSpan) -> list[str]:
        by_id = {each.context.span_id: each for each in self.spans if each.context is not None}
        around = [] if span.parent is None else self.path_to(by_id[span.parent.span_id])
        return [*around, span.name]
