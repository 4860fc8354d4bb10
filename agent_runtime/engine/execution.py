"""One run of one workflow on the event loop: every step starts when what it waits for has ended.

Each step is a task of its own, so that it has its own copy of the context. A task never raises:
asyncio would let a SystemExit through the loop, and put its own mark on other exceptions. The first
failure cancels what still runs; the run ends when all of it has cleaned up.

A streamed run is the same run: it puts what happens into a feed besides, and while that is full it holds
steps back whose turn has come.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from agent_runtime.engine.attempts import SKIPPED, StepRun
from agent_runtime.engine.plan import Plan
from agent_runtime.engine.scope import RunScope
from agent_runtime.outcomes import Outcome, capture, traceback_of
from agent_runtime.references import render
from agent_runtime.results import RunResult, RunStatus, StepRecord, StepState
from agent_runtime.steps import Overrun, Surroundings

if TYPE_CHECKING:
    from agent_runtime.engine.feed import Feed

__all__ = ("Execution", "Stop", "execute")

_log = logging.getLogger("agent_runtime")

Stop = Callable[[BaseException], None]
StepTask = asyncio.Task[Outcome[object]]

MAX_LOGGED = 10
"""Failures of one run that are logged one by one, beside the one that comes out; the others are counted."""


async def execute(
    plan: Plan, inputs: Mapping[str, object], around: Surroundings, on_begin: Callable[[Stop], None]
) -> Outcome[RunResult]:
    """Run a workflow; what its first failing step raised comes back as a value.

    As a value, because a coroutine cannot raise ``StopIteration``, and because nothing on the way
    to the caller may touch the exception.

    Args:
        plan: what to run.
        inputs: the run's inputs.
        around: what its steps share.
        on_begin: called in the context that the steps will see, with a function that stops the run:
            on this loop, it cancels the steps, and the exception given to it is the outcome.

    Raises:
        CancelledError: this was cancelled from outside; every step has been cancelled and has
            cleaned up.
    """
    execution = Execution(plan, inputs, around)
    return await execution.run(on_begin)


class Execution:
    """The state of one run; only its own tasks and callbacks touch it, on one loop."""

    _feed: Feed | None = None

    def __init__(
        self,
        plan: Plan,
        inputs: Mapping[str, object],
        around: Surroundings,
        *,
        context: contextvars.Context | None = None,
    ) -> None:
        self._plan = plan
        self._around = around
        self._scope = RunScope(inputs, plan.numbers, plan.workflow.file)
        self._loop = asyncio.get_running_loop()
        self._context = contextvars.copy_context() if context is None else context.copy()
        self._needed = list(plan.needed)
        self._running: dict[StepTask, tuple[int, StepRun, float]] = {}
        self._held: deque[int] = deque()
        self._quiet: asyncio.Future[None] = self._loop.create_future()
        self._records: list[StepRecord | None] = [None] * len(plan.needed)
        self._failure: Outcome[RunResult] | None = None
        self._overrun: Overrun | None = None  # there is one from the moment that the run is being stopped
        self._cancelled: set[StepTask] = set()
        self._closed = False
        self._lost = 0

    async def run(self, on_begin: Callable[[Stop], None]) -> Outcome[RunResult]:
        """Start what is ready, and wait until nothing runs any more."""
        self._begin(on_begin)
        cancelled = await self._until_quiet()
        return self._conclude(cancelled)

    def _begin(self, on_begin: Callable[[Stop], None]) -> None:
        self._context.run(on_begin, self._cut_off)
        for number in self._plan.ready:
            self._start(number)

    def _conclude(self, cancelled: Outcome[None]) -> Outcome[RunResult]:
        """Return what the run came to, or raise the cancellation that came from outside."""
        failure, self._failure = self._failure, None
        if cancelled.error is not None:
            if failure is not None and failure.error is not None and not self._closed:
                self._log_lost("a step", failure.error)
            cancelled.unwrap()
        return capture(self._result) if failure is None else failure

    async def _until_quiet(self) -> Outcome[None]:
        """Wait for the end of all steps; remember a cancellation from outside and pass it on."""
        cancelled: Outcome[None] = Outcome()
        try:
            while self._running:
                try:
                    await self._quiet
                except asyncio.CancelledError as error:
                    cancelled.error = error
                    self._quiet = self._loop.create_future()  # the old one is cancelled now
                    self._stop()
        except GeneratorExit:
            if not self._loop.is_closed():
                self._stop()  # nothing can be awaited any more; the tasks may still be driven
            raise
        finally:
            self._end_reports()
        return cancelled

    def _end_reports(self) -> None:
        """Report nothing more of what went on after a cancellation, but the number of what was not told."""
        if self._overrun is not None:
            self._overrun.end()
        if self._lost > MAX_LOGGED:
            _log.error(
                "workflow '%s': %d more steps failed as well while the run was being stopped",
                *(self._plan.workflow.name, self._lost - MAX_LOGGED),
            )

    def _start(self, number: int) -> None:
        step = self._plan.workflow.steps[number]
        if self._feed is not None:
            if self._feed.is_full:
                self._held.append(number)
                return
            self._feed.step_started(step.id)
        step_run = StepRun(step, self._scope, self._around, self._feed)
        # Each task copies the run's context: steps start in callbacks, whose own one is not the caller's.
        # Not by arguments of create_task(): a host's task factory may be older than these.
        task = self._context.run(self._loop.create_task, step_run.outcome())
        task.set_name(self._plan.names[number])
        self._running[task] = (number, step_run, time.time())
        task.add_done_callback(self._on_done, context=self._context.copy())

    def _on_done(self, task: StepTask) -> None:
        """Settle a step; an exception here, a KeyboardInterrupt say, must not leave the run waiting."""
        try:
            self._settle(task)
        except BaseException as error:  # noqa: BLE001 - it comes out of the run
            self._end_with(error, "the runtime")
        if not self._running:
            self._fall_quiet()

    def _fall_quiet(self) -> None:
        """Let the run end, or go on: nothing of it is in progress at this moment."""
        if not self._quiet.done():
            self._quiet.set_result(None)

    def _stop(self) -> None:
        if self._overrun is None:
            self._overrun = Overrun(self._loop, self._plan.workflow.name, self._going_on)
        self._held.clear()
        if self._feed is not None:
            self._feed.widen()
        self._cancelled.update(task for task in self._running if task.cancel())

    def _going_on(self) -> Sequence[str]:
        return [self._plan.workflow.steps[number].id for number, _, _ in self._running.values()]

    def _cut_off(self, error: BaseException) -> None:
        """Stop the run because it is not wanted any more; ``error`` is its outcome."""
        if (self._running or self._held) and self._overrun is None:
            self._closed = True
            self._end_with(error, "the runtime")
            if not self._running:
                self._fall_quiet()

    def _settle(self, task: StepTask) -> None:
        """Note how a step ended, and start the steps that waited for nothing else."""
        number, step_run, started = self._running.pop(task)
        if task.cancelled():  # before its first instruction
            if self._feed is not None:
                self._feed.step_cancelled(self._plan.workflow.steps[number].id)
            return
        outcome = task.result()
        error = outcome.take_error()
        if error is not None:
            self._settle_failure(number, step_run, error)
            return
        skipped = outcome.value is SKIPPED
        state = StepState.SKIPPED if skipped else StepState.SUCCEEDED
        self._scope.outputs[number] = None if skipped else outcome.value
        self._scope.states[number] = state
        record = self._records[number] = StepRecord(
            id=self._plan.workflow.steps[number].id,
            state=state,
            attempts=step_run.attempts,
            started=started,
            ended=time.time(),
            thread=step_run.trace.thread,
            usage=step_run.trace.usage,
        )
        if self._feed is not None:
            self._feed.step_ended(record, outcome.value)
        if self._overrun is None:
            self._start_dependents(number)
        elif task in self._cancelled:
            self._overrun.swallowed(self._plan.workflow.steps[number].id)

    def _settle_failure(self, number: int, step_run: StepRun, error: BaseException) -> None:
        step = self._plan.workflow.steps[number].id
        if self._feed is not None:
            if self._overrun is not None and isinstance(error, asyncio.CancelledError):
                self._feed.step_cancelled(step)
            else:
                self._feed.step_failed(step, error, step_run.attempts)
        self._end_with(error, f"step '{step}'")

    def _start_dependents(self, number: int) -> None:
        for dependent in self._plan.dependents[number]:
            self._needed[dependent] -= 1
            if self._needed[dependent] == 0:
                self._start(dependent)

    def _end_with(self, error: BaseException, who: str) -> None:
        """Keep the first failure and cancel the other steps; their own failures can only be logged."""
        if self._overrun is None:
            self._failure = Outcome(error=error)
            self._stop()
        elif not isinstance(error, asyncio.CancelledError):
            self._log_lost(who, error)
        elif self._closed and self._failure is not None and self._failure.error is not None:
            first = self._failure.error.__cause__ or error  # it shows where the step stood
            self._failure.error.__cause__ = first

    def _log_lost(self, who: str, error: BaseException) -> None:
        """Log a failure that cannot come out, because an earlier one or a cancellation does."""
        self._lost += 1
        if self._lost > MAX_LOGGED:
            return
        _log.error(
            "workflow '%s': %s failed as well while the run was being stopped",
            self._plan.workflow.name,
            who,
            exc_info=(type(error), error, traceback_of(error)),
        )

    def _result(self) -> RunResult:
        workflow = self._plan.workflow
        if workflow.outputs is None:
            outputs = {step.id: self._scope.outputs[number] for number, step in enumerate(workflow.steps)}
        else:
            values = self._scope.values_for(None)
            outputs = {name: render(template, values) for name, template in workflow.outputs}
        return RunResult(
            outputs=outputs,
            status=RunStatus.SUCCEEDED,
            run_id=self._around.run_id,
            workflow=workflow.name,
            steps={record.id: record for record in self._records if record is not None},
        )
