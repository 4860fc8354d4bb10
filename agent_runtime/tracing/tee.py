"""Several tracers in the place of one."""

from __future__ import annotations

from collections.abc import Iterable

from agent_runtime.tracing.spans import Span, Tracer, told

__all__ = ("Tee",)


class Tee:
    """Tells several tracers, one after the other; one that fails does not keep the next from being told.

    Args:
        tracers: who is told; one that is there twice is told once.

    Attributes:
        wants_errors: whether one of them wants exceptions as texts.
    """

    def __init__(self, tracers: Iterable[Tracer]) -> None:
        self._tracers = tuple({id(tracer): tracer for tracer in tracers}.values())
        self.wants_errors = any(tracer.wants_errors for tracer in self._tracers)

    def started(self, span: Span) -> None:
        """Tell all of them that a span has begun."""
        for tracer in self._tracers:
            told(tracer, tracer.started, span)

    def ended(self, span: Span) -> None:
        """Tell all of them that a span has ended."""
        for tracer in self._tracers:
            told(tracer, tracer.ended, span)
