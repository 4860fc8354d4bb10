"""One step from ready to ended: its condition, its attempts, its time limit, what its failure means."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from agent_runtime.engine.plan import PlainRun, StepPlan, Undo
from agent_runtime.engine.steps import Surroundings, attempt
from agent_runtime.engine.timeouts import inner, within
from agent_runtime.errors import RecordedFailureError, StepTimeoutError
from agent_runtime.expressions import Root, is_true, render
from agent_runtime.outcomes import Outcome, acapture, traceback_of
from agent_runtime.results.run_result import StepFault, StepState
from agent_runtime.workflow.model import OnError

if TYPE_CHECKING:
    from agent_runtime.engine.event_buffer import Feed
    from agent_runtime.engine.scope import StepValues

__all__ = ("StepRun",)

_log = logging.getLogger("agent_runtime")


class StepRun(PlainRun):
    """One step in one run, with everything that a step may ask for."""

    __slots__ = ("faults", "state", "undo")

    def __init__(
        self, plan: StepPlan, path: str, values: StepValues, around: Surroundings, feed: Feed | None
    ) -> None:
        super().__init__(plan, path, values, around, feed)
        self.attempts = 0
        self.state = StepState.SUCCEEDED
        self.faults: tuple[StepFault, ...] = ()
        self.undo: tuple[Undo, ...] = ()

    async def _attempt(self) -> Outcome[object]:
        return await attempt(self.plan.step, self.values, self.around, self, self.plan.agent)

    async def outcome(self) -> Outcome[object]:
        """Run the step to its end; never raises, whatever the step does or is done to it."""
        step = self.plan.step
        journal = self.around.journal
        failure = None if journal is None else journal.failure_of(self.step)
        if failure is None:
            done = inner(await acapture(self._unless_skipped()))
        else:
            done = Outcome(error=RecordedFailureError(*failure))
        if done.error is None:
            compensate = self.plan.compensate
            if compensate is not None and self.state is StepState.SUCCEEDED:
                self.undo += (Undo(compensate, self.step, self.values, done.value, self.around),)
            return done
        if not isinstance(done.error, Exception):
            return done
        if self.plan.fallback is None and step.on_error is OnError.FAIL:
            return done
        return inner(await acapture(self._deal_with(done)))

    async def _unless_skipped(self) -> Outcome[object]:
        when = self.plan.step.when
        if when is not None and not is_true(render(when, self.values)):
            self.state = StepState.SKIPPED
            return Outcome()
        return await self._done()

    async def _done(self) -> Outcome[object]:
        """Try the step as often as it may be."""
        retry = self.plan.step.retry
        while True:
            self.attempts += 1
            # The error of an attempt is a value here, never inside an except block: the next
            # attempt's own errors must not get it as their __context__.
            tried = await self._traced(self._limited())
            if self.attempts >= retry.attempts or not _may_retry(tried, self.plan.retry_on):
                return inner(tried)
            texts = self.around.texts_of(inner(tried).error)
            del tried
            await self._wait(texts)

    def _traced(
        self, work: Coroutine[Any, Any, Outcome[Outcome[object]]]
    ) -> Coroutine[Any, Any, Outcome[Outcome[object]]]:
        """Tell of an attempt, if anybody is told, and there may be others."""
        tracing = self.around.tracing
        return work if tracing is None or self.plan.step.retry.attempts == 1 else tracing.attempt(self, work)

    async def _wait(self, texts: tuple[str, str]) -> None:
        """Wait before the next attempt."""
        retry, step = self.plan.step.retry, self.step
        delay = min(_power(retry.backoff, retry.factor, self.attempts - 1), retry.max_backoff)
        if retry.jitter:
            delay *= 1 - retry.jitter * self.around.random()
        _log.info("step '%s': attempt %d raised %s; next in %g s", step, self.attempts, texts[0], delay)
        if self.feed is not None and self.told:
            await self.feed.retrying(step, texts, attempt=self.attempts, delay=delay)
        await asyncio.sleep(delay)

    async def _limited(self) -> Outcome[Outcome[object]]:
        """Make one attempt, within the step's time limit if it has one."""
        timeout = self.plan.step.timeout
        if timeout is None:
            return await acapture(self._attempt())
        return await within(timeout, self._attempt(), self.step, self.around)

    async def _deal_with(self, failed: Outcome[object]) -> Outcome[object]:
        """Do what the step says of its failure; what is left of it then is its outcome."""
        self.faults = (StepFault(*self.around.texts_of(failed.error)),)
        if self.plan.fallback is not None:
            if self.around.journal is not None:
                await self.around.journal.begin_fallback(self.step, self.faults[0][:2])
            instead = await self._fall_back(self.plan.fallback)
            if instead.error is None:
                self.state = StepState.RECOVERED
            if not isinstance(instead.error, Exception):
                failed.take_error()  # it has been dealt with, and nothing else would empty this
                return instead
            self._warn("the fallback of step '%s' failed as well", instead.take_error())
        if self.plan.step.on_error is OnError.FAIL:
            return failed
        self.state = StepState.FAILED
        self._warn("step '%s' failed, and the run goes on", failed.take_error())
        return Outcome()

    async def _fall_back(self, plan: StepPlan) -> Outcome[object]:
        path = f"{self.step}:fallback"
        (fault,) = self.faults
        error = {"type": fault.error_type, "message": fault.error}
        run = plan.run(plan, path, self.values.within(path, {Root.ERROR: error}), self.around, self.feed)
        around = self.around
        if around.journal is not None:
            work = around.journal.kept(run, self.step, None)
        else:
            work = run.announced() if around.tracing is None else around.tracing.step(run, run.announced())
        outcome = await work
        run.tell_end(outcome, stopped=True)
        self.thread = run.thread
        self.spend(run.usage)
        self.undo += run.undo
        return outcome

    def _warn(self, what: str, error: BaseException | None) -> None:
        assert error is not None
        try:
            _log.warning(
                f"workflow '%s': {what}",
                *(self.around.workflow_name, self.step),
                exc_info=(type(error), error, traceback_of(error)),
            )
        finally:
            del error


def _power(backoff: float, factor: float, exponent: int) -> float:
    """Return the wait before an attempt, whatever floats can express of it."""
    try:
        return backoff * factor**exponent
    except OverflowError:
        return float("inf") if backoff else 0.0


def _may_retry(tried: Outcome[Outcome[object]], on: tuple[type[BaseException], ...]) -> bool:
    """Whether the step itself raised an ``Exception`` of these classes.

    An outer error is a reference that will not resolve next time either, or a cancellation; only a
    passed time limit counts as a failed attempt.
    """
    if tried.value is None:
        return isinstance(tried.error, StepTimeoutError) and isinstance(tried.error, on)
    return isinstance(tried.value.error, Exception) and isinstance(tried.value.error, on)
