"""One step from ready to ended: its condition, its attempts, its time limit."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from agent_runtime.engine.scope import RunScope
from agent_runtime.errors import StepTimeoutError
from agent_runtime.outcomes import Outcome, acapture
from agent_runtime.references import is_true, render
from agent_runtime.steps import Overrun, Surroundings, Trace, attempt
from agent_runtime.workflow import Step

if TYPE_CHECKING:
    from agent_runtime.engine.feed import Feed

__all__ = ("SKIPPED", "StepRun")

_log = logging.getLogger("agent_runtime")

SKIPPED = object()
"""Stands for the output of a step whose ``when`` was false."""

_MAX_BACKOFF = 3_600.0


class StepRun:
    """One step in one run.

    Attributes:
        attempts: how many times it has been tried so far.
        trace: thread and usage of the latest attempt.
    """

    __slots__ = ("_around", "_feed", "_step", "_values", "attempts", "trace")

    def __init__(self, step: Step, scope: RunScope, around: Surroundings, feed: Feed | None) -> None:
        self._step = step
        self._values = scope.values_for(step.id)
        self._around = around
        self._feed = feed
        self.attempts = 0
        self.trace = Trace(step.id)

    async def outcome(self) -> Outcome[object]:
        """Run the step to its end; never raises, whatever the step does or is done to it."""
        done = await acapture(self._perform())
        return _inner(done)

    async def _perform(self) -> Outcome[object]:
        step = self._step
        if step.when is not None and not is_true(render(step.when, self._values)):
            return Outcome(SKIPPED)
        retry = step.retry
        while True:
            self.attempts += 1
            # The error of an attempt is a value here, never inside an except block: the next
            # attempt's own errors must not get it as their __context__.
            tried = await self._limited()
            if self.attempts >= retry.attempts or not _may_retry(tried):
                return _inner(tried)
            delay = min(retry.backoff * 2 ** (self.attempts - 1), _MAX_BACKOFF)
            failed = _inner(tried)
            kind = type(failed.error).__name__
            texts = None if self._feed is None else self._feed.told(failed.error)
            del tried, failed
            _log.info("step '%s': attempt %d raised %s; next in %g s", step.id, self.attempts, kind, delay)
            if self._feed is not None and texts is not None:
                await self._feed.retrying(step.id, texts, attempt=self.attempts, delay=delay)
            await asyncio.sleep(delay)

    async def _limited(self) -> Outcome[Outcome[object]]:
        """Make one attempt, within the step's time limit if it has one."""
        step = self._step
        work = attempt(step, self._values, self._around, self.trace)
        if step.timeout is None:
            return await acapture(work)
        return await _within(step.timeout, work, step.id, self._around.workflow_name)


def _inner(outcome: Outcome[Outcome[object]]) -> Outcome[object]:
    """Return the step's own outcome; an outer error means that it never had one."""
    if outcome.value is not None:
        return outcome.value
    return Outcome(error=outcome.take_error())


def _may_retry(tried: Outcome[Outcome[object]]) -> bool:
    """Whether the step itself raised an ``Exception``.

    An outer error is a reference that will not resolve next time either, or a cancellation; only a
    passed time limit counts as a failed attempt.
    """
    if tried.value is None:
        return isinstance(tried.error, StepTimeoutError)
    return isinstance(tried.value.error, Exception)


async def _within(
    seconds: float, work: Coroutine[Any, Any, Outcome[object]], step: str, workflow: str
) -> Outcome[Outcome[object]]:
    """Await ``work`` and cancel it when the time is up; what it does about that is its own affair.

    Not ``asyncio.timeout``: that turns every cancellation into an exception raised here.
    """
    task = asyncio.current_task()
    assert task is not None
    loop = asyncio.get_running_loop()
    overruns: list[Overrun] = []

    def expire() -> None:
        overruns.append(Overrun(loop, workflow, lambda: (step,)))
        task.cancel()

    timer = loop.call_later(seconds, expire)
    done = await acapture(work)
    timer.cancel()
    if not overruns:
        return done
    (overrun,) = overruns
    overrun.end()
    if task.uncancel() > 0:
        return done  # the run is being cancelled as well, and that goes first
    if not isinstance(_error_in(done), asyncio.CancelledError | None):
        return done  # an error of its cleanup: that is the step's own
    inner = _inner(done)
    if inner.error is None:
        overrun.swallowed(step)
    late = StepTimeoutError(step, seconds)
    late.__cause__ = inner.take_error()
    try:
        return Outcome(error=late)
    finally:
        del late


def _error_in(outcome: Outcome[Outcome[object]]) -> BaseException | None:
    return outcome.value.error if outcome.value is not None else outcome.error
