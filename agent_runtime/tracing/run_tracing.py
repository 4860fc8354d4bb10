"""Where a run tells its tracer what happens: around steps, attempts, errands and the run itself."""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Callable, Coroutine, Generator
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar, runtime_checkable

from agent_runtime.engine.plan import PlainRun
from agent_runtime.engine.steps import Offload, Surroundings, Trace, Way
from agent_runtime.outcomes import Outcome
from agent_runtime.results.run_result import RunResult, StepState
from agent_runtime.results.warning_codes import WarningCode
from agent_runtime.tracing.model_tracing import QuestionTracing
from agent_runtime.tracing.spans import (
    Passage,
    Span,
    SpanKind,
    State,
    Tracer,
    begin,
    current_span,
    end,
    ended_by,
    tell,
)
from agent_runtime.workflow.model import (
    AgentCall,
    Approval,
    Block,
    FunctionCall,
    Step,
    ToolCall,
    WorkflowCall,
)

__all__ = ("Calling", "RunTracing", "told_call", "told_waits")

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class RunTracing(QuestionTracing):
    """Tells a tracer of one run; a context manager around it, because the run may be cut off.

    Args:
        tracer: who is told.
        around: what the steps of the run share.
        context: whose variables they see; by default those of the one that makes this.

    Attributes:
        context: a copy of that, in which the run's span is the current one.
    """

    def __init__(
        self, tracer: Tracer, around: Surroundings, context: contextvars.Context | None = None
    ) -> None:
        super().__init__(tracer)
        self._around = around
        self.context = contextvars.copy_context() if context is None else context.copy()
        self._span = self.context.run(begin, tracer, SpanKind.RUN, around.workflow_name, around.run_id)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._span.ended is None:
            end(self._tracer, self._span, State.CANCELLED)

    def noted(self, outcome: Outcome[RunResult]) -> Outcome[RunResult]:
        """Note what the run has come to."""
        state, told = ended_by(outcome.error, self._around)
        end(self._tracer, self._span, state, error=told)
        return outcome

    async def step(self, run: Trace, work: Coroutine[Any, Any, Outcome[object]]) -> Outcome[object]:
        """Carry out a step, in the task that is its own, or that of the step which it stands in for."""
        assert isinstance(run, PlainRun)
        told = _told(run.plan.step, run.step)
        passage = Passage(self._tracer, SpanKind.STEP, run.step, self._around.run_id, told)
        outcome = await work
        passage.span.attributes.update(_told_of_end(run))
        state, fault = ended_by(outcome.error, run.around)
        if outcome.error is None:
            state = State.SKIPPED if run.state is StepState.SKIPPED else State.OK
            fault = run.faults[-1][:2] if run.faults else None
        passage.end(state, error=fault)
        return outcome

    async def attempt(
        self, run: Trace, work: Coroutine[Any, Any, Outcome[Outcome[object]]]
    ) -> Outcome[Outcome[object]]:
        """Carry out one attempt of a step, in the step's own task."""
        assert isinstance(run, PlainRun)
        number = {"number": run.attempts}
        passage = Passage(self._tracer, SpanKind.ATTEMPT, run.step, self._around.run_id, number)
        outcome = await work
        state, told = ended_by((outcome if outcome.value is None else outcome.value).error, run.around)
        passage.end(state, error=told)
        return outcome

    def warned(self, step: str, code: WarningCode) -> None:
        """Note a warning with its step, if the current span stands in that."""
        span = current_span.get()
        while span is not None and (span.kind is not SpanKind.STEP or span.name != step):
            span = span.parent
        if span is not None:
            said = span.attributes.get("warnings", ())
            span.attributes["warnings"] = [*(said if isinstance(said, list) else ()), code.value]

    def offload(self, offload: Offload) -> Offload:
        """Return the same ways off the loop, which tell of every errand."""
        return _TracedOffload(self._tracer, self._around.run_id, offload)


class _TracedOffload:
    def __init__(self, tracer: Tracer, run_id: str, offload: Offload) -> None:
        self._tracer = tracer
        self._run_id = run_id
        self._offload = offload

    async def on_caller(self, fn: Callable[[], T]) -> Outcome[T]:
        """Run ``fn()`` on the one thread that this run keeps for plain functions."""
        return await self._send(self._offload.on_caller, fn, "caller")

    async def on_worker(self, fn: Callable[[], T]) -> Outcome[T]:
        """Run ``fn()`` on a worker thread of its own."""
        return await self._send(self._offload.on_worker, fn, "worker")

    async def _send(self, way: Way[T], fn: Callable[[], T], lane: str) -> Outcome[T]:
        errand = _Errand(self._tracer, self._run_id, fn, lane)
        try:
            return await way(errand)
        finally:
            errand.received()


class _Errand:
    """A plain function on its way to another thread and back."""

    def __init__(self, tracer: Tracer, run_id: str, fn: Callable[[], Any], lane: str) -> None:
        self.__qualname__ = getattr(fn, "__qualname__", repr(fn))
        self._tracer = tracer
        self._run_id = run_id
        self._fn: Callable[[], Any] | None = fn
        self._lane = lane
        self._span: Span | None = None
        self._sent = time.monotonic_ns()

    def __call__(self) -> Any:
        """Call the function, on the other thread, in the errand's own copy of the context."""
        __tracebackhide__ = True
        fn, self._fn = self._fn, None  # its arguments are not to be kept
        assert fn is not None
        name, tracer = self.__qualname__, self._tracer
        span = begin(tracer, SpanKind.ERRAND, name, self._run_id, sent=self._sent, lane=self._lane)
        self._span = span
        state = State.FAILED
        try:
            value = fn()
            state = State.OK
            return value
        finally:
            del fn
            end(tracer, span, state)

    def received(self) -> None:
        """Note that the loop has heard of the end, or does not wait for it any more."""
        if self._span is not None:
            self._span.attributes["received"] = time.monotonic_ns()


class Calling:
    """Tells of a sync call that is made meanwhile, and whether a loop of its thread stands still.

    A context manager.

    Attributes:
        context: to make the call in: a copy of the caller's, in which the call's span is the current one.
    """

    def __init__(self, tracer: Tracer, name: str, run_id: str) -> None:
        self._tracer = tracer
        self.context = contextvars.copy_context()
        self._span = self.context.run(begin, tracer, SpanKind.CALL, name, run_id)
        self._lookout = _Lookout(self._span)

    def __enter__(self) -> Self:
        self._lookout.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._lookout.end()
        end(self._tracer, self._span, State.OK if error is None else State.FAILED)


@runtime_checkable
class SyncCall(Protocol[T_co]):
    """A sync call that is ready to be made."""

    def __call__(self, *, context: contextvars.Context, names: tuple[str, str]) -> T_co:
        """Make it."""


def told_call(tracer: Tracer, run_id: str, call: SyncCall[T], names: tuple[str, str]) -> T:
    """Make a sync call and tell of it."""
    __tracebackhide__ = True
    with Calling(tracer, names[0], run_id) as calling:
        return call(context=calling.context, names=names)


class _Lookout:
    """Looks whether an event loop that runs in this thread goes on during a call: greenback lets it."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self._turned: asyncio.Handle | None = None

    def begin(self) -> None:
        loop = asyncio._get_running_loop()  # noqa: SLF001 - documented, in spite of its name
        if loop is not None:
            self._span.attributes["host_loop"] = f"{type(loop).__module__}.{type(loop).__qualname__}"
            self._turned = loop.call_soon(self._note)

    def _note(self) -> None:
        self._span.attributes["turned"] = time.monotonic_ns()

    def end(self) -> None:
        if self._turned is not None:
            self._turned.cancel()


_WORTH_TELLING = 1_000_000
"""Nanoseconds that a stream's reader waits for an event before that counts as a wait; a guess."""


def told_waits(
    tracer: Tracer, name: str, run_id: str, items: Generator[T, None, None]
) -> Generator[T, None, None]:
    """Give the items of a stream, and tell of each wait for one, on the thread that waits."""
    __tracebackhide__ = True
    while True:
        span = Span(SpanKind.CALL, name, current_span.get(), run_id)
        lookout = _Lookout(span)
        lookout.begin()
        try:
            item = next(items, _END)
        finally:
            lookout.end()
            if time.monotonic_ns() - span.started >= _WORTH_TELLING:
                tell(tracer, span)
        if isinstance(item, _End):
            return
        yield item


class _End:
    """In the place of an item, when there is none."""


_END = _End()


def _told_of_end(run: PlainRun) -> dict[str, object]:
    """Return what is to be said of a step when it has ended."""
    told: dict[str, object] = {}
    if run.attempts > 1:
        told["attempts"] = run.attempts
    if run.state in (StepState.RECOVERED, StepState.FAILED):
        told["outcome"] = run.state.value
    if run.usage is not None:
        told["usage"] = {key: value for key, value in run.usage.items() if type(value) in (int, float)}
    return told


def _told(step: Step, path: str) -> dict[str, object]:
    """Return what a span says of its step: names of the workflow file, never a value."""
    prefix = path[: -len(step.id)] if path.endswith(step.id) else ""
    told: dict[str, object] = {"step": _kind_of(step)}
    if isinstance(step.action, AgentCall):
        told["agent"] = step.id
    if isinstance(step.action, FunctionCall | ToolCall | WorkflowCall):
        told["function"] = step.action.name
    elif isinstance(step.action, AgentCall) and step.action.scenario is not None:
        told["function"] = step.action.scenario
    if step.depends_on:
        told["after"] = [prefix + other for other in step.depends_on]
    return told


_KINDS: dict[type, str] = {
    AgentCall: "agent",
    Approval: "approval",
    FunctionCall: "function",
    ToolCall: "tool",
    WorkflowCall: "workflow",
}


def _kind_of(step: Step) -> str:
    """Name what a step does, as the file does."""
    if step.for_each is not None:
        return "for_each"
    if step.repeat is not None:
        return "repeat"
    if isinstance(step.action, Block):
        return "parallel" if step.action.independent else "steps"
    return _KINDS.get(type(step.action), "step")
