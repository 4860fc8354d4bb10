"""One run of a program, event by event: through the bridge, or on the running loop.

The engine's part and the events are imported by the first stream, on the thread that asks for one.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import time
from _thread import get_ident
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from typing import TYPE_CHECKING

from agent_runtime.bridge import OnRunningLoop, WorkerLane, iterate
from agent_runtime.engine.steps import Offload, Surroundings
from agent_runtime.outcomes import Outcome
from agent_runtime.results.run_result import RunResult
from agent_runtime.runs.active import NO_REQUEST, Request, Run, Stop
from agent_runtime.runs.program import Program, ToCaller, ToLane

if TYPE_CHECKING:
    from agent_runtime.results.events import StreamEvent

__all__ = ("stream", "stream_async")

CarryOut = Callable[
    [Mapping[str, object], Surroundings, Callable[[Stop], None]], "AsyncGenerator[StreamEvent, None]"
]

_PATIENCE = 1.0
"""Seconds after its time limit until a run whose loop is blocked, so that the limit's own timer is late,
is cancelled by its waiting reader; a guess."""


def stream(
    program: Program,
    inputs: Mapping[str, object] | None,
    *,
    timeout: object,
    context: contextvars.Context | None,
    on_running_loop: OnRunningLoop,
    names: tuple[str, str],
    request: Request = NO_REQUEST,
) -> Generator[StreamEvent, None, None]:
    """Check the arguments now; run once through the bridge while the events are asked for."""
    streamed = _Streamed(program, inputs, timeout, context, request, names[0])
    events = iterate(
        streamed.events(ToCaller(), context=None, in_turn=True),
        timeout=None if streamed.limit is None else streamed.limit + _PATIENCE,
        context=streamed.context.copy(),
        on_running_loop=on_running_loop,
        names=names,
    )
    return _read(streamed, events)


def stream_async(
    program: Program,
    inputs: Mapping[str, object] | None,
    *,
    limit: object,
    context: contextvars.Context | None,
    request: Request = NO_REQUEST,
) -> AsyncGenerator[StreamEvent, None]:
    """Check the arguments now; run once on the loop on which the events are asked for."""
    return _read_async(_Streamed(program, inputs, limit, context, request, ""))


class _Streamed:
    """One run that is about to be streamed: its arguments, checked, and then what it came to."""

    def __init__(
        self,
        program: Program,
        inputs: Mapping[str, object] | None,
        timeout: object,
        context: contextvars.Context | None,
        request: Request,
        name: str,
    ) -> None:
        from agent_runtime.engine.streaming import StreamedExecution

        if context is not None and not isinstance(context, contextvars.Context):
            raise TypeError(f"context= is a contextvars.Context or None, not {type(context).__name__}")
        self._execution = StreamedExecution
        self.program = program
        self.limit = program.limit(timeout)
        program.runs.check_open()
        self.inputs = program.bind(inputs, request)
        self.context = contextvars.copy_context() if context is None else context
        self.request = request
        self.run = Run(program.runs, request.run_id)
        self.run.caller = 0
        self.name = name
        self.outcome: Outcome[RunResult] | None = None

    async def events(
        self, offload: Offload, *, context: contextvars.Context | None, in_turn: bool
    ) -> AsyncGenerator[StreamEvent, None]:
        """Run, on the loop that this is driven on; see StreamedExecution."""
        with self.run as run:
            begun = await self.program.begin(run, self.inputs, offload)
            if begun.error is not None:
                self.outcome = Outcome(error=begun.take_error())
                return
            inputs, around = begun.unwrap()
            carry_out = functools.partial(self._events, context=context, in_turn=in_turn)
            if self.program.durability is None:
                source = carry_out(inputs, around, run.begun)
            else:
                source = self._kept_events(carry_out, inputs, around)
            async with contextlib.aclosing(source) as events:
                async for event in events:
                    yield event

    async def _events(
        self,
        inputs: Mapping[str, object],
        around: Surroundings,
        begun: Callable[[Stop], None],
        *,
        context: contextvars.Context | None,
        in_turn: bool,
    ) -> AsyncGenerator[StreamEvent, None]:
        tracing = self.program.tracing(around, context)
        if tracing is not None:
            around, context = around._replace(tracing=tracing), tracing.context
        plan, on_end = self.program.plan, self.run.end
        execution = self._execution(plan, inputs, around, context=context, in_turn=in_turn, on_end=on_end)
        with tracing or contextlib.nullcontext():
            async with contextlib.aclosing(execution.events(begun, self.limit)) as events:
                async for event in events:
                    self.outcome = execution.outcome  # there is one when the last event is
                    yield event
            if tracing is not None and self.outcome is not None:
                tracing.noted(self.outcome)

    async def _kept_events(
        self, carry_out: CarryOut, inputs: Mapping[str, object], around: Surroundings
    ) -> AsyncGenerator[StreamEvent, None]:
        """Run, and keep what it comes to before the reader is told of it."""
        from agent_runtime.results.events import RunFailed, RunFinished, RunStarted

        async with self.program.keeper(self.run, inputs, self.request, around) as keeper:
            run_id = self.run.id
            if keeper.result is not None:
                self.outcome = Outcome(keeper.result)
                yield RunStarted(run_id, time.time(), keeper.result.workflow)
                yield RunFinished(run_id, time.time(), keeper.result)
                return
            around = keeper.journal.within(around._replace(run_id=run_id))
            async with contextlib.aclosing(carry_out(keeper.inputs, around, keeper.begun)) as events:
                async for event in events:
                    if self.outcome is not None:
                        self.outcome = await keeper.conclude(self.outcome)
                        if self.outcome.error is not None and isinstance(event, RunFinished):
                            event = RunFailed(run_id, time.time(), *around.texts_of(self.outcome.error))  # noqa: PLW2901 - another one in its place
                    try:
                        yield event
                    except GeneratorExit:
                        keeper.is_left = True
                        raise

    def told(self, events: Generator[StreamEvent, None, None]) -> Generator[StreamEvent, None, None]:
        """Tell of each wait for an event, if a trace is asked for."""
        if (tracer := self.program.tracer) is None:
            return events
        from agent_runtime.tracing.run_tracing import told_waits

        return told_waits(tracer, f"{self.name}: next event", self.run.id, events)

    def conclude(self) -> None:
        """Raise what the run came to, if it failed."""
        outcome, self.outcome = self.outcome, None
        if outcome is not None:
            outcome.unwrap()


def _read(
    streamed: _Streamed, given: Generator[StreamEvent, None, None]
) -> Generator[StreamEvent, None, None]:
    """Read what the bridge gives on the calling thread: wherever the next event is asked for."""
    __tracebackhide__ = True
    run = streamed.run
    run.caller = get_ident()
    with contextlib.closing(given):
        for event in streamed.told(given):
            run.caller = 0
            try:
                yield event
            finally:
                run.caller = get_ident()
    streamed.conclude()


async def _read_async(streamed: _Streamed) -> AsyncGenerator[StreamEvent, None]:
    """Read a stream on the running loop."""
    __tracebackhide__ = True
    name = streamed.program.plan.workflow.name
    async with (
        WorkerLane(f"agent_runtime functions of {name}") as lane,
        contextlib.aclosing(streamed.events(ToLane(lane), context=streamed.context, in_turn=False)) as events,
    ):
        async for event in events:
            yield event
    streamed.conclude()
