"""Spans, and who is told of them; the current one travels as a context variable, with every hop."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import enum
import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Protocol, runtime_checkable

from agent_runtime.engine.steps import Surroundings, inherited_tracer, thread_name

__all__ = (
    "Passage",
    "Span",
    "SpanKind",
    "State",
    "Tracer",
    "begin",
    "current_span",
    "end",
    "ended_by",
    "tell",
    "told",
)

_log = logging.getLogger("agent_runtime")


class SpanKind(enum.StrEnum):
    """What a span stands for."""

    CALL = "call"
    """A sync entry point, from its call to its return: so long its thread waits, or performs errands."""
    RUN = "run"
    """One run of a workflow, on the thread of its event loop."""
    STEP = "step"
    """One step, from its turn to its end; for one inside another, ``name`` says where it stands."""
    ATTEMPT = "attempt"
    """One attempt of a step that may be tried more than once."""
    ERRAND = "errand"
    """A plain function that the loop has sent to another thread, on that thread."""
    MODEL = "model"
    """One question of an agent step to a language model, from asking to its reply."""
    TOOL = "tool"
    """A tool that a language model has called, from its turn to what the model is told of it."""


class State(enum.StrEnum):
    """How a span has ended."""

    OK = "ok"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


class Span:
    """Something that takes time, on one thread. Times are nanoseconds of ``time.monotonic_ns()``.

    Attributes:
        kind: what it stands for.
        name: of the entry point, the workflow, the step, the function, the model or the tool.
        parent: the span that it was begun in, whichever thread that is on; None for the outermost.
        run_id: the run that it belongs to.
        thread: ident of the thread that it was begun on.
        thread_name: name of that thread.
        started: when it began.
        ended: when it ended; None while it lasts.
        state: how it ended.
        error_type: name of the class of the exception that it ended with, if it did.
        error: that exception as text, if a tracer that is told of it asks for texts.
        attributes: what else is known: ``step`` (what the step does), ``function``, ``after`` (what it
            waited for), ``attempts``, ``usage``, ``sent`` and ``received`` (when the loop has sent an errand
            and has heard of its end), ``lane`` (``caller`` or ``worker``), ``host_loop`` and ``turned`` (the
            class of an event loop that runs in the calling thread, and when it went on, if it did so before
            the call's end); those of a question and of a tool are in docs/tracing.md.
        marks: what tracers have noted of it for themselves, each under itself.
    """

    __slots__ = (
        "attributes",
        "ended",
        "error",
        "error_type",
        "kind",
        "marks",
        "name",
        "parent",
        "run_id",
        "started",
        "state",
        "thread",
        "thread_name",
    )

    def __init__(self, kind: SpanKind, name: str, parent: Span | None, run_id: str) -> None:
        self.kind = kind
        self.name = name
        self.parent = parent
        self.run_id = run_id
        self.thread = threading.get_ident()
        self.thread_name = thread_name()
        self.attributes: dict[str, object] = {}
        self.ended: int | None = None
        self.state = State.OK
        self.error_type: str | None = None
        self.error: str | None = None
        self.marks: dict[object, object] = {}
        self.started = time.monotonic_ns()


@runtime_checkable
class Tracer(Protocol):
    """Whoever is told of spans: given as ``Options(trace=...)``. Threads call it at the same time.

    What it raises is logged once, and does no harm to a run, nor to other tracers.

    Attributes:
        wants_errors: whether spans are to have exceptions as texts; these may repeat inputs. A span that
            several tracers are told of has them as soon as one of these wants them.
    """

    wants_errors: bool

    def started(self, span: Span) -> None:
        """Note that a span has begun; on its thread, in a context of its own.

        Context variables that this sets are seen by all that happens inside the span, and by nothing else.
        """

    def ended(self, span: Span) -> None:
        """Note that a span has ended; for a call or a run, not in the context that it began in."""


current_span: contextvars.ContextVar[Span | None] = contextvars.ContextVar(
    "agent_runtime.tracing.current_span", default=None
)
"""The span that the running code stands in."""


def begin(tracer: Tracer, kind: SpanKind, name: str, run_id: str, **attributes: object) -> Span:
    """Begin a span inside the current one and make it the current one; in a context that is its own."""
    span = Span(kind, name, current_span.get(), run_id)
    span.attributes.update(attributes)
    current_span.set(span)
    inherited_tracer.set(tracer)
    told(tracer, tracer.started, span)
    return span


def end(tracer: Tracer, span: Span, state: State = State.OK, *, error: tuple[str, str] | None = None) -> None:
    """End a span; ``error`` is what it ended with, as texts: its class, and what it says."""
    span.ended = time.monotonic_ns()
    span.state = state
    if error is not None:
        span.error_type = error[0]
        span.error = error[1] if tracer.wants_errors else None
    told(tracer, tracer.ended, span)


def ended_by(error: BaseException | None, around: Surroundings) -> tuple[State, tuple[str, str] | None]:
    """Return how a span ends that this has come out of, and what is said of it."""
    if error is None:
        return State.OK, None
    state = State.CANCELLED if isinstance(error, asyncio.CancelledError | GeneratorExit) else State.FAILED
    return state, around.texts_of(error)


class Passage:
    """A span in the midst of a task, which goes on after it: what its tracer has set is taken back then.

    Variables that the work itself sets stay as they are; so a trace changes nothing for it.

    Args:
        tracer: who is told.
        kind: what the span stands for.
        name: its name.
        run_id: the run that it belongs to.
        attributes: what else is known.

    Attributes:
        span: the span, begun already.
    """

    def __init__(
        self, tracer: Tracer, kind: SpanKind, name: str, run_id: str, attributes: Mapping[str, object]
    ) -> None:
        self._tracer = tracer
        self._before = contextvars.copy_context()
        self.span = begin(tracer, kind, name, run_id, **attributes)
        now = contextvars.copy_context()
        self._set = [variable for variable in now if self._before.get(variable, self) is not now[variable]]

    def end(self, state: State = State.OK, *, error: tuple[str, str] | None = None) -> None:
        """End the span."""
        end(self._tracer, self.span, state, error=error)
        for variable in self._set:
            with contextlib.suppress(LookupError):  # it had no value, and has no default to go back to
                variable.set(self._before.run(variable.get))


def tell(tracer: Tracer, span: Span) -> None:
    """Tell of a span that is over, and that nothing has happened inside of."""
    span.ended = time.monotonic_ns()
    contextvars.copy_context().run(told, tracer, tracer.started, span)
    told(tracer, tracer.ended, span)


_blamed: set[type] = set()
"""Classes of tracers whose failures have been logged."""


def told(tracer: Tracer, tell: Callable[[Span], None], span: Span) -> None:
    """Tell a tracer of a span; what it raises is logged, once for its class."""
    try:
        tell(span)
    except Exception:  # noqa: BLE001 - a tracer is not part of the run
        if type(tracer) not in _blamed:
            _blamed.add(type(tracer))
            _log.exception(
                "the tracer %s failed; this is said once, and its trace has gaps", type(tracer).__name__
            )
