"""The order of a workflow's steps as numbers, and how each is run: made once, read by every run of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from agent_runtime.engine.steps import Agent, Surroundings, Trace, attempt
from agent_runtime.expressions import Root
from agent_runtime.outcomes import Outcome, acapture, acarry
from agent_runtime.results.run_result import StepFault, StepRecord, StepState
from agent_runtime.workflow.model import Step, Workflow

if TYPE_CHECKING:
    from agent_runtime.engine.event_buffer import Feed
    from agent_runtime.engine.scope import StepValues

__all__ = ("PlainRun", "Plan", "Ready", "StepPlan", "Undo")


class StepPlan(NamedTuple):
    """One step, and what can be known of it before a run.

    Attributes:
        step: the step.
        name: of its task, for debuggers.
        run: what runs it; a step that asks for nothing takes the short way.
        retry_on: classes of exceptions after which it is tried again.
        fallback: what to do when it has failed.
        compensate: what undoes it.
        body: what is done for each item or each time, if it is a loop.
        block: the steps inside it.
        callee: the key of the workflow that it runs.
        agent: what performs it, if it is an agent that asks for more than one question.
        batched: whether it is a plain function for the calling thread, and asks for nothing more.
    """

    step: Step
    name: str
    run: type[PlainRun]
    retry_on: tuple[type[BaseException], ...] = (Exception,)
    fallback: StepPlan | None = None
    compensate: StepPlan | None = None
    body: StepPlan | None = None
    block: Plan | None = None
    callee: str = ""
    agent: Agent | None = None
    batched: bool = False


class Plan(NamedTuple):
    """Which steps wait for which, by their number in the file.

    Attributes:
        workflow: the workflow that they belong to.
        steps: the steps.
        numbers: each step's number by its id.
        dependents: for each step the numbers of those that wait for it.
        needed: for each step how many others it waits for.
        ready: the numbers of the steps that wait for nothing.
        check_outputs: holds what comes out against what the workflow says of it.
        follows: for each step the batched one that may begin where this one, batched too, has ended, as it
            waits for nothing else, and nothing else for this one; else None.
    """

    workflow: Workflow
    steps: tuple[StepPlan, ...]
    numbers: dict[str, int]
    dependents: tuple[tuple[int, ...], ...]
    needed: tuple[int, ...]
    ready: tuple[int, ...]
    check_outputs: Callable[[Workflow, Mapping[str, object]], None]
    follows: tuple[int | None, ...] = ()


class Ready(NamedTuple):
    """A step that waits for nothing but its thread, and since when, in seconds since the epoch."""

    number: int
    since: float


class PlainRun(Trace):
    """One step in one run, that is done at once and a single time.

    Attributes:
        plan: the step.
        values: what its references see.
        around: what the steps of the run share.
        feed: where its events go, if anybody reads them.
        attempts: how many times it has been tried so far.
        started: when its turn came, in seconds since the epoch.
        ended: when it ended, in seconds since the epoch; 0 where that is not noted before the record is made.
        was_saving: whether its cancellation came when it had ended, and only that was still to be kept.
        told: whether the reader knows that it has started.
    """

    __slots__ = ("around", "attempts", "ended", "feed", "plan", "started", "told", "values", "was_saving")

    state: StepState = StepState.SUCCEEDED
    """How it has ended, if it has not failed for good."""
    faults: tuple[StepFault, ...] = ()
    """Failures that have been dealt with."""
    undo: tuple[Undo, ...] = ()
    """What undoes it, the latest last."""

    def __init__(
        self, plan: StepPlan, path: str, values: StepValues, around: Surroundings, feed: Feed | None
    ) -> None:
        super().__init__(path)
        self.plan = plan
        self.values = values
        self.around = around
        self.feed = feed
        self.attempts = 1
        self.started = time.time()
        self.ended = 0.0
        self.told = False
        self.was_saving = False

    def number(self, given: int) -> int:
        """Return the number of the step that this has come to, given that of the one that it began with."""
        return given

    def outcome(self) -> Coroutine[Any, Any, Outcome[object]]:
        """Run the step to its end; never raises, whatever the step does or is done to it."""
        return acarry(attempt, self.plan.step, self.values, self.around, self, self.plan.agent)

    async def announced(self) -> Outcome[object]:
        """Do the same when the feed has room, for a step that belongs to another one."""
        if self.feed is not None:
            room = await acapture(self.feed.begin(self.step))
            if room.error is not None:
                return Outcome(error=room.take_error())
            self.told = True
        return await self.outcome()

    def record(self) -> StepRecord:
        """Return what is to be known of it, now that it has ended."""
        return StepRecord(
            id=self.step,
            state=self.state,
            attempts=self.attempts,
            started=self.started,
            ended=self.ended or time.time(),
            thread=self.thread,
            usage=self.usage,
            faults=self.faults,
        )

    def tell_end(self, outcome: Outcome[object], *, stopped: bool) -> None:
        """Put how it ended into the feed, if that knows that it began."""
        if self.feed is None or not self.told:
            return
        if outcome.error is None:
            self.feed.step_ended(self.record(), outcome.value)
        elif stopped and isinstance(outcome.error, asyncio.CancelledError):
            self.feed.step_cancelled(self.step)
        else:
            self.feed.step_failed(self.step, self.around.texts_of(outcome.error), self.attempts)


class Undo(NamedTuple):
    """What undoes a step that has succeeded.

    Attributes:
        plan: the step that does it.
        path: which step it undoes.
        values: what that step's references saw.
        output: the output of that step.
        around: what the steps of its run share.
    """

    plan: StepPlan
    path: str
    values: StepValues
    output: object
    around: Surroundings

    def run(self, error: Mapping[str, object], feed: Feed | None) -> PlainRun:
        """Return what does it, given why."""
        path = f"{self.path}:compensate"
        values = self.values.within(path, {Root.ERROR: error, Root.OUTPUT: self.output})
        return self.plan.run(self.plan, path, values, self.around, feed)
