"""Plain functions that wait for nothing but each other: begun on their own thread, one right after another.

A step on its own goes from the loop to the calling thread and back. In a chain the way back waits, for some
milliseconds at most: what has ended is noted, and the next function is called, on the thread that the last
one ran on. Each has its own copy of the context, its own record, and fails on its own account.
"""

from __future__ import annotations

import contextvars
import inspect
import os
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol, cast

from agent_runtime.engine.attempts import PlainRun
from agent_runtime.engine.limits import inner
from agent_runtime.outcomes import Outcome, acapture
from agent_runtime.references import render
from agent_runtime.steps import Invocation, settled
from agent_runtime.workflow import FunctionCall, ToolCall

if TYPE_CHECKING:
    from agent_runtime.engine.plan import Plan
    from agent_runtime.engine.scope import StepValues

__all__ = ("ChainRun", "ChainedSteps")

TURN = 0.005
"""Seconds after which the loop is told what has ended: what else wants this thread waits no longer than that
and one function. As long as CPython lets a thread keep the interpreter."""

Call = tuple[Callable[..., object], Mapping[str, object]]


class ChainedSteps(Protocol):
    """The steps that a chain belongs to; asked on the thread of the chain."""

    @property
    def plan(self) -> Plan:
        """Which steps there are, and which follows which."""

    @property
    def is_stopping(self) -> bool:
        """Whether no further step may begin."""

    def path_of(self, number: int) -> str:
        """Return what a step is called in this run."""

    def values_of(self, path: str) -> StepValues:
        """Return what its references see."""

    def note_success(self, number: int, run: PlainRun, value: object) -> None:
        """Note how a step of a chain has ended; no other step looks at it meanwhile."""


class ChainRun(PlainRun):
    """One step after another of a chain, as one run: always the one that has begun last."""

    __slots__ = ("_number", "_steps")

    def __init__(self, steps: ChainedSteps, number: int, first: PlainRun) -> None:
        super().__init__(first.plan, first.step, first.values, first.around, None)
        self._steps: ChainedSteps | None = steps
        self._number = number

    def number(self, given: int) -> int:  # noqa: ARG002 - that is the first step's
        """Return the number of the step that this has come to."""
        return self._number

    async def outcome(self) -> Outcome[object]:
        """Run the steps to the end of this turn; return how the last one has ended."""
        ended = inner(await acapture(self._turn()))
        self._steps = None
        return ended

    async def _turn(self) -> Outcome[object]:
        chain = _Chain(self, *self._call())
        return await settled(await chain.on(self.around.offload.on_caller, self.around.workflow_name))

    def next_call(self, value: object) -> Call | None:
        """Note that the step has ended, and become the next one; None if none may follow at once."""
        steps = self._steps
        if steps is None or steps.is_stopping:
            return None
        follower = steps.plan.follows[self._number]
        if follower is None:
            return None
        steps.note_success(self._number, self, value)
        self._number, self.plan = follower, steps.plan.steps[follower]
        self.step = steps.path_of(follower)
        self.values = steps.values_of(self.step)
        self.started = time.time()
        return self._call()

    def _call(self) -> Call:
        action = self.plan.step.action
        assert isinstance(action, FunctionCall | ToolCall)
        registered = self.around.functions if isinstance(action, FunctionCall) else self.around.tools
        arguments = cast("Mapping[str, object]", render(action.arguments, self.values))
        return registered[action.name].fn, arguments


class _Chain(Invocation[object]):
    """The functions of a chain as one, for the thread that they run on."""

    def __init__(self, run: ChainRun, fn: Callable[..., object], arguments: Mapping[str, object]) -> None:
        super().__init__(fn, arguments, run)
        self._run: ChainRun | None = run

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
