"""One run of one workflow on the event loop: every step starts when what it waits for has ended.

A streamed run is the same run: it puts what happens into a feed besides, and while that is full it holds
steps back whose turn has come.
"""

from __future__ import annotations

import contextlib
import contextvars
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar, cast

from agent_runtime.engine.plan import PlainRun, Plan, Ready, StepPlan
from agent_runtime.engine.scope import RunScope, StepValues
from agent_runtime.engine.steps import Surroundings
from agent_runtime.engine.task_group import Crew
from agent_runtime.errors import RunCancelledError
from agent_runtime.expressions import render
from agent_runtime.outcomes import Outcome
from agent_runtime.results.run_result import Question, RunResult, RunStatus, StepRecord

if TYPE_CHECKING:
    from agent_runtime.engine.event_buffer import Feed

__all__ = ("Execution", "Flow", "Stop", "execute")

T = TypeVar("T")

Stop = Callable[[BaseException], None]


async def execute(
    plan: Plan,
    inputs: Mapping[str, object],
    around: Surroundings,
    on_begin: Callable[[Stop], None],
    *,
    context: contextvars.Context | None = None,
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
        context: whose variables the steps see; by default those of whoever awaits this.

    Raises:
        CancelledError: this was cancelled from outside; every step has been cancelled and has
            cleaned up.
    """
    execution = Execution(plan, inputs, around, context=context)
    return await execution.run(on_begin)


class Flow(Crew[T]):
    """Steps that wait for each other.

    Args:
        plan: which steps, and what they wait for.
        scope: where their values go.
        around: what they share.
        feed: where their events go, if anybody reads them.
        context: whose variables the steps see; by default those of the one that makes this.
        step: the step that they stand inside, if they do.
        concurrency: how many may run at once; None means any number.
    """

    def __init__(
        self,
        plan: Plan,
        scope: RunScope,
        around: Surroundings,
        feed: Feed | None,
        *,
        context: contextvars.Context | None = None,
        step: str | None = None,
        concurrency: int | None = None,
    ) -> None:
        super().__init__(around, feed, context=context, step=step)
        self._plan = plan
        self._scope = scope
        self._needed = list(plan.needed)
        self._held: deque[int] = deque()
        self._limit = concurrency
        self._batches = self._may_batch and concurrency is None
        self._is_batching = False
        # The loop and the thread of the functions share these two, which both may do with a deque.
        self._ready: deque[Ready] = deque()  # batched steps that have not begun
        self._ended: deque[int] = deque()  # batched steps that have ended, and what waits for them may start
        self._is_told = False

    def _begin(self) -> None:
        for number in self._plan.ready:
            self._start(number)

    def _start(self, number: int) -> None:
        if self._limit is not None and len(self._running) >= self._limit:
            self._held.append(number)
            return
        if self._batches and self._plan.steps[number].batched:
            self._start_in_batch(number)
            return
        plan, path, values = self.step_of(number)
        if self._doomed is not None and self._is_shut(path):
            return
        run = plan.run(plan, path, values, self._around, self._feed)
        if self._feed is not None and self._inside is None:  # the others wait until the feed has room
            self._feed.step_started(path)
            run.told = True
        self._launch(number, run, plan.name)

    def step_of(self, number: int) -> tuple[StepPlan, str, StepValues]:
        """Return a step, what it is called in this run, and what its references see."""
        plan = self._plan.steps[number]
        path = plan.step.id if self._inside is None else f"{self._inside}.{plan.step.id}"
        return plan, path, self._scope.values_for(path)

    def _start_in_batch(self, number: int) -> None:
        self._ready.append(Ready(number, time.time()))
        if not self._is_batching:
            self._begin_batch()

    def _begin_batch(self) -> None:
        from agent_runtime.engine.batches import BatchRun

        first = self._ready.popleft()
        self._is_batching = True
        run = BatchRun(self, first, self._around)
        self._launch(first.number, run, run.plan.name)

    def next_after(self, number: int, run: PlainRun, value: object) -> Ready | None:
        """Note how a batched step has ended and return the next one; on the thread of the functions."""
        if self._overrun is not None:
            return None
        follower = self._plan.follows[number]
        if follower is not None:
            self._ready.append(Ready(follower, time.time()))
        try:
            following = self._ready.popleft()
        except IndexError:
            return None
        self._succeeded(number, run, value)
        if follower is None and self._plan.dependents[number]:
            self._ended.append(number)
            self._tell_loop()
        return following

    def _tell_loop(self) -> None:
        """Have the loop start what waits for a batched step; once, however many have ended until it does."""
        if not self._is_told:
            self._is_told = True
            with contextlib.suppress(RuntimeError):  # the loop has been closed, and nobody waits any more
                self._loop.call_soon_threadsafe(self._take_up_ended, context=self._context.copy())

    def _take_up_ended(self) -> None:
        """Start what has waited for batched steps; an exception here must not leave the run waiting."""
        self._is_told = False
        try:
            while self._ended and self._overrun is None:
                self._go_on(self._ended.popleft())
        except BaseException as error:  # noqa: BLE001 - it comes out of the run
            self._end_with(error, "the runtime")

    def batch_is_over(self) -> None:
        """Begin another batch if steps are ready; on the loop."""
        self._is_batching = False
        if self._ready and self._overrun is None:
            self._begin_batch()

    def _is_over(self) -> bool:
        return not self._held

    def _stop(self) -> None:
        self._held.clear()
        self._ready.clear()
        super()._stop()

    def _pass_over(self) -> None:
        if self._limit is not None and self._held:
            self._start(self._held.popleft())

    def _go_on(self, number: int) -> None:
        for dependent in self._plan.dependents[number]:
            self._needed[dependent] -= 1
            if self._needed[dependent] == 0:
                self._start(dependent)
        self._pass_over()

    def _succeeded(self, number: int, run: PlainRun, value: object) -> None:
        self._note(number, run, value)
        run.tell_end(Outcome(value), stopped=False)

    def _note(self, number: int, run: PlainRun, value: object) -> None:
        """Let other steps see how this one has ended."""
        self._scope.outputs[number] = value
        self._scope.states[number] = run.state
        if run.faults:
            self._scope.faults[number] = run.faults

    def _outputs(self) -> dict[str, object]:
        """Return what the workflow says comes out; every step's output, if it does not say."""
        workflow, scope = self._plan.workflow, self._scope
        if workflow.outputs is None:
            outputs = {plan.step.id: scope.outputs[number] for number, plan in enumerate(self._plan.steps)}
        else:
            values = scope.values_for(None)
            outputs = {name: render(template, values) for name, template in workflow.outputs}
        if workflow.output_types:
            self._plan.check_outputs(workflow, outputs)
        return outputs


class Execution(Flow[RunResult]):
    """One run."""

    def __init__(
        self,
        plan: Plan,
        inputs: Mapping[str, object],
        around: Surroundings,
        *,
        feed: Feed | None = None,
        context: contextvars.Context | None = None,
    ) -> None:
        scope = RunScope(inputs, plan.numbers, plan.workflow.file, around.secrets)
        if around.tracing is not None:
            around = around._replace(offload=around.tracing.offload(around.offload))
        super().__init__(plan, scope, around, feed, context=context)
        self._records: list[StepRecord | None] = [None] * len(plan.needed)

    async def run(self, on_begin: Callable[[Stop], None]) -> Outcome[RunResult]:
        """Start what is ready, and wait until nothing runs any more."""
        self._context.run(on_begin, self._cut_off)
        return await self.work()

    def _cut_off(self, error: BaseException) -> None:
        """Stop the run because it is not wanted any more; ``error`` is its outcome."""
        if (self._running or self._held) and self._overrun is None:
            self._closed = True
            if not isinstance(error, RunCancelledError):
                self._pause()
            self._end_with(error, "the runtime")
            if not self._running:
                self._rest()

    def _interrupt(self) -> None:
        if self._why is None:
            self._pause()
        super()._interrupt()

    def _pause(self) -> None:
        """Let the run be resumed, if it is kept."""
        if self._around.journal is not None:
            self._around.journal.paused = True

    def _succeeded(self, number: int, run: PlainRun, value: object) -> None:
        self._note(number, run, value)
        record = self._records[number] = run.record()
        if self._feed is not None:
            self._feed.step_ended(record, value)

    def _wait(self, questions: Mapping[str, Question]) -> None:
        self._result = Outcome(self._result_of({}, RunStatus.WAITING, questions))

    def _make_result(self) -> RunResult:
        outputs = cast("dict[str, object]", self._around.redacted(self._outputs()))
        return self._result_of(outputs, RunStatus.SUCCEEDED, {})

    def _result_of(
        self, outputs: Mapping[str, object], status: RunStatus, waiting: Mapping[str, Question]
    ) -> RunResult:
        return RunResult(
            outputs=outputs,
            status=status,
            run_id=self._around.run_id,
            workflow=self._plan.workflow.name,
            steps={record.id: record for record in self._records if record is not None},
            waiting=waiting,
        )
