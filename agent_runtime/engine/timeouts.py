"""The time limit of an attempt."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from agent_runtime.engine.steps import Overrun, Surroundings
from agent_runtime.errors import StepTimeoutError
from agent_runtime.outcomes import Outcome, acapture, this_task

__all__ = ("inner", "within")


async def within(
    seconds: float, work: Coroutine[Any, Any, Outcome[object]], step: str, around: Surroundings
) -> Outcome[Outcome[object]]:
    """Await ``work`` and cancel it when the time is up; what it does about that is its own affair.

    Not ``asyncio.timeout``: that turns every cancellation into an exception raised here.
    """
    task = this_task()
    assert task is not None
    loop = asyncio.get_running_loop()
    overruns: list[Overrun] = []

    def expire() -> None:
        overruns.append(Overrun(loop, around.workflow_name, lambda: (step,), around.overran))
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
    own = inner(done)
    if own.error is None:
        overrun.swallowed(step)
    late = StepTimeoutError(step, seconds)
    late.__cause__ = own.take_error()
    try:
        return Outcome(error=late)
    finally:
        del late


def inner(outcome: Outcome[Outcome[object]]) -> Outcome[object]:
    """Return the step's own outcome; an outer error means that it never had one."""
    if outcome.value is not None:
        return outcome.value
    return Outcome(error=outcome.take_error())


def _error_in(outcome: Outcome[Outcome[object]]) -> BaseException | None:
    return outcome.value.error if outcome.value is not None else outcome.error
