"""Plain functions that are ready: begun on their own thread, one right after another.

A step on its own goes from the loop to the calling thread and back. In a batch the way back waits, for some
milliseconds at most: what has ended is noted, and the next function is called, on the thread that the last
one ran on. Each has its own copy of the context, its own record, and fails on its own account. Where
something else waits for what has ended, the loop is told at once, and goes on meanwhile.
"""

from __future__ import annotations

import contextvars
import inspect
import os
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol, cast, runtime_checkable

from agent_runtime.engine.plan import PlainRun
from agent_runtime.engine.steps import Invocation, Surroundings, settled
from agent_runtime.expressions import render
from agent_runtime.outcomes import Outcome, acarry
from agent_runtime.workflow.model import FunctionCall, ToolCall

if TYPE_CHECKING:
    from agent_runtime.engine.plan import Ready, StepPlan
    from agent_runtime.engine.scope import StepValues

__all__ = ("BatchRun", "Batched")

TURN = 0.005
"""Seconds after which the thread is left to others: what else wants it waits no longer than that and one
function. As long as CPython lets a thread keep the interpreter."""

Call = tuple[Callable[..., object], Mapping[str, object]]


@runtime_checkable
class Batched(Protocol):
    """The steps that a batch belongs to."""

    def step_of(self, number: int) -> tuple[StepPlan, str, StepValues]:
        """Return a step, what it is called in this run, and what its references see; on either thread."""

    def next_after(self, number: int, run: PlainRun, value: object) -> Ready | None:
        """Note how a step has ended and return the next one; on the thread of the functions.

        None if no other may begin now: then the step is not noted, and is settled like any other.
        """

    def batch_is_over(self) -> None:
        """Begin another batch if steps are ready; on the loop."""


class BatchRun(PlainRun):
    """One step after another of a batch, as one run: always the one that has begun last."""

    __slots__ = ("_number", "_steps")

    def __init__(self, steps: Batched, first: Ready, around: Surroundings) -> None:
        plan, path, values = steps.step_of(first.number)
        super().__init__(plan, path, values, around, None)
        self.started = first.since
        self._steps: Batched | None = steps
        self._number = first.number

    def number(self, given: int) -> int:  # noqa: ARG002 - that is the first step's
        """Return the number of the step that this has come to."""
        return self._number

    async def outcome(self) -> Outcome[object]:
        """Run the steps to the end of this turn; return how the last one has ended."""
        ended = await acarry(self._turn)
        self._steps = None
        return ended

    async def _turn(self) -> Outcome[object]:
        batch = _Batch(self, *self._call())
        done = await batch.on(self.around.offload.on_caller, self.around)
        if done.error is None and self._steps is not None:
            self._steps.batch_is_over()
        return await settled(done)

    def next_call(self, value: object) -> Call | None:
        """Note that the step has ended, and become the next one; None if none may begin now."""
        steps = self._steps
        following = None if steps is None else steps.next_after(self._number, self, value)
        if steps is None or following is None:
            return None
        self._number, self.started = following
        self.plan, self.step, self.values = steps.step_of(self._number)
        return self._call()

    def _call(self) -> Call:
        action = self.plan.step.action
        if isinstance(action, FunctionCall):
            fn = self.around.functions[action.name].fn
        else:
            assert isinstance(action, ToolCall)
            fn = self.around.tools[action.name].fn
        return fn, cast("Mapping[str, object]", render(action.arguments, self.values))


class _Batch(Invocation[object]):
    """The functions of a batch as one, for the thread that they run on."""

    def __init__(self, run: BatchRun, fn: Callable[..., object], arguments: Mapping[str, object]) -> None:
        super().__init__(fn, arguments, run)
        self._run: BatchRun | None = run

    def __call__(self) -> object:
        """Call one function after another; return what the last one returned, or raise what it raised."""
        __tracebackhide__ = True
        run, self._run = self._run, None
        process, until = os.getpid(), time.monotonic() + TURN
        context = contextvars.copy_context()
        call = super().__call__
        try:
            while True:
                value = context.copy().run(call)
                if time.monotonic() > until or self._overrun is not None or inspect.isawaitable(value):
                    return value
                if os.getpid() != process:
                    return value  # the function has forked, and this is the child: it must not go on here
                following = run.next_call(value) if run is not None else None
                if following is None:
                    return value
                self._fn, self._arguments = following
        finally:
            del run  # it leads to all values of the run, and an exception's traceback leads here
