"""What one attempt of a step is given: the run it belongs to, and where it leaves traces."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, TypeVar

from agent_runtime.llm.client import LLM
from agent_runtime.outcomes import Outcome, acapture
from agent_runtime.steps.offload import Offload, thread_name
from agent_runtime.workflow import RunsOn

__all__ = ("Invocation", "Surroundings", "Trace", "invoke", "is_async")

T = TypeVar("T")

AnyFunction = Callable[..., object]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all steps of one run share.

    Attributes:
        workflow_id: for the LLM client.
        workflow_name: for the LLM client.
        run_id: for the LLM client.
        functions: the registered functions.
        tools: the registered tools.
        llm: the LLM client.
        offload: the ways off the event loop.
        loop_thread: name of the thread that the event loop runs on.
    """

    workflow_id: str
    workflow_name: str
    run_id: str
    functions: Mapping[str, AnyFunction]
    tools: Mapping[str, AnyFunction]
    llm: LLM
    offload: Offload
    loop_thread: str = field(default_factory=thread_name)


@dataclass(slots=True)
class Trace:
    """What is known of a step beside its outcome; the attempt in progress writes it."""

    thread: str | None = None
    usage: Mapping[str, object] | None = None


class Invocation(Generic[T]):
    """A plain function and its arguments, to be called on some thread, which it notes."""

    def __init__(self, fn: Callable[..., T], arguments: Mapping[str, object], trace: Trace) -> None:
        self.__qualname__ = getattr(fn, "__qualname__", repr(fn))
        self._fn = fn
        self._arguments = arguments
        self._trace = trace

    def __call__(self) -> T:
        __tracebackhide__ = True
        self._trace.thread = thread_name()
        return self._fn(**self._arguments)


def is_async(fn: object) -> bool:
    """Whether calling ``fn`` gives a coroutine: ``async def``, also partial or as ``__call__``."""
    while isinstance(fn, partial):
        fn = fn.func
    if inspect.iscoroutinefunction(fn):
        return True
    return not inspect.isroutine(fn) and inspect.iscoroutinefunction(getattr(type(fn), "__call__", None))  # noqa: B004


async def invoke(
    fn: AnyFunction, arguments: Mapping[str, object], runs_on: RunsOn, around: Surroundings, trace: Trace
) -> Outcome[object]:
    """Call a user's function where its kind belongs, and await what it returns if need be."""
    if is_async(fn):
        trace.thread = around.loop_thread
        return await acapture(_awaited(fn, arguments))
    run = around.offload.on_caller if runs_on is RunsOn.CALLER else around.offload.on_worker
    outcome = await run(Invocation(fn, arguments, trace))
    if outcome.error is None and inspect.isawaitable(outcome.value):
        return await acapture(outcome.value)
    return outcome


async def _awaited(fn: AnyFunction, arguments: Mapping[str, object]) -> object:
    result = fn(**arguments)
    assert isinstance(result, Awaitable)
    return await result
