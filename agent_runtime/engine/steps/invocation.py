"""Calls of users' functions, each on the thread that its kind belongs to."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, Generic, TypeVar, cast

from agent_runtime.engine.steps.callee import Callee
from agent_runtime.engine.steps.context import Surroundings
from agent_runtime.engine.steps.ignored_cancellation import Overrun
from agent_runtime.engine.steps.offload import thread_name
from agent_runtime.engine.steps.trace import Trace
from agent_runtime.outcomes import Outcome, acapture
from agent_runtime.workflow.model import RunsOn

__all__ = ("Invocation", "Way", "invoke", "settled")

T = TypeVar("T")

Way = Callable[[Callable[[], T]], Coroutine[Any, Any, Outcome[T]]]


class Invocation(Generic[T]):
    """A plain function and its arguments, to be called on some thread, which it notes."""

    def __init__(self, fn: Callable[..., T], arguments: Mapping[str, object], trace: Trace) -> None:
        self.__qualname__ = getattr(fn, "__qualname__", repr(fn))
        self._fn = fn
        self._arguments = arguments
        self._trace = trace
        self._in_progress = False
        self._overrun: Overrun | None = None

    def __call__(self) -> T:
        """Call the function; whatever it raises comes out."""
        __tracebackhide__ = True
        self._trace.thread = thread_name()
        self._in_progress = True
        try:
            return self._fn(**self._arguments)
        finally:
            self._in_progress = False
            self._arguments = {}  # whoever is still to be told of the end keeps this alive
            if self._overrun is not None:
                self._overrun.returned(self._trace.name)

    async def on(self, way: Way[T], around: Surroundings) -> Outcome[T]:
        """Have the function called on another thread; if it cannot be stopped, say so later."""
        try:
            return await way(self)
        except asyncio.CancelledError:
            if self._in_progress:
                loop, told = asyncio.get_running_loop(), partial(_overran, around, self._trace)
                self._overrun = Overrun(loop, around.workflow_name, self._going_on, told)
            raise

    def _going_on(self) -> Sequence[str]:
        return (self._trace.name,) if self._in_progress else ()


def _overran(around: Surroundings, trace: Trace, _: str, message: str) -> None:
    """Tell of a function that goes on after its cancellation."""
    around.overran(trace.step, message if trace.tool is None else f"its tool '{trace.tool}' {message}")


def invoke(
    callee: Callee, arguments: Mapping[str, object], runs_on: RunsOn, around: Surroundings, trace: Trace
) -> Coroutine[Any, Any, Outcome[object]]:
    """Call a user's function where its kind belongs, and await what it returns if need be.

    Raises:
        Exception: the arguments are not those of an async function; nothing of it has run.
    """
    if not callee.is_async:
        return _invoke_elsewhere(callee, arguments, runs_on, around, trace)
    trace.thread = around.loop_thread
    work = acapture(cast("Awaitable[object]", callee.fn(**arguments)))
    return work if around.secrets is None else _cleaned(work, around)


async def _cleaned(work: Awaitable[Outcome[object]], around: Surroundings) -> Outcome[object]:
    return around.clean(await work)


async def _invoke_elsewhere(
    callee: Callee, arguments: Mapping[str, object], runs_on: RunsOn, around: Surroundings, trace: Trace
) -> Outcome[object]:
    run = around.offload.on_caller if runs_on is RunsOn.CALLER else around.offload.on_worker
    invocation = Invocation(callee.fn, arguments, trace)
    return around.clean(await settled(await invocation.on(run, around)))


async def settled(outcome: Outcome[object]) -> Outcome[object]:
    """Await what a plain function returned, if that is awaitable.

    The outcome is emptied: frames of the thread it came from may keep it, and they are kept by the
    traceback of the very exception that is in it.
    """
    if outcome.error is not None:
        return Outcome(error=outcome.take_error())
    value, outcome.value = outcome.value, None
    if inspect.isawaitable(value):
        return await acapture(value)
    return Outcome(value)
