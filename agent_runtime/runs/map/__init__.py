"""Many runs of one program: through the bridge, or on the running loop; imported by the first map."""

from __future__ import annotations

import contextlib
import contextvars
from _thread import get_ident
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent import futures
from typing import Literal, TypeAlias

from agent_runtime.bridge import OnRunningLoop, WorkerLane, call_in_caller_outcome, iterate
from agent_runtime.outcomes import Outcome
from agent_runtime.runs.map.executors import Callers, InPool, OnLoop, Way, is_of_threads
from agent_runtime.runs.map.inputs import Inputs, source_of
from agent_runtime.runs.map.mapped_run import MappedRun
from agent_runtime.runs.map.scheduler import Ended, ManyRuns, Terms
from agent_runtime.runs.program import Program

__all__ = ("Executors", "Inputs", "MappedRun", "OnError", "map_runs", "map_runs_async")

Executors: TypeAlias = futures.Executor | Callable[[], futures.Executor]
OnError = Literal["raise", "collect"]

ON_LOOP = 10
"""Runs at once on one loop, by default; a guess: as many calls as most model providers allow at once."""
IN_EXECUTOR = 32
"""Runs in the hands of an executor, by default; a guess: more than the workers of most machines, so that
none is idle while results are read, and few enough to be done again when a worker is lost."""


def map_runs(
    program: Program,
    inputs: Inputs,
    *,
    executor: Executors | None,
    concurrency: int | None,
    ordered: bool,
    on_error: OnError,
    timeout: float | None,
    on_running_loop: OnRunningLoop,
    owner: str,
) -> Generator[MappedRun, None, None]:
    """Check the arguments now; do the runs while their results are asked for, on the calling thread."""
    callers = Callers(0)
    way = _way_of(program, executor, program.limit(timeout), callers, calling_thread=True)
    many = _many(program, inputs, way, _terms(executor, concurrency, ordered, on_error), context=None)
    ended = iterate(
        many.runs(call_in_caller_outcome),
        context=contextvars.copy_context(),
        on_running_loop=on_running_loop,
        names=(f"{owner}.map", f"{owner}.map_async"),
    )
    return _read(many, ended, callers)


def map_runs_async(
    program: Program,
    inputs: Inputs,
    *,
    executor: Executors | None,
    concurrency: int | None,
    ordered: bool,
    on_error: OnError,
    timeout: float | None,
) -> AsyncGenerator[MappedRun, None]:
    """Check the arguments now; do the runs on the loop on which their results are asked for."""
    callers = Callers(get_ident())
    way = _way_of(program, executor, program.limit(timeout), callers, calling_thread=False)
    context = contextvars.copy_context()
    many = _many(program, inputs, way, _terms(executor, concurrency, ordered, on_error), context=context)
    return _read_async(many, f"agent_runtime inputs of {program.plan.workflow.name}")


def _many(
    program: Program, inputs: Inputs, way: Way, terms: Terms, *, context: contextvars.Context | None
) -> ManyRuns:
    program.runs.check_open()
    return ManyRuns(program.runs, source_of(inputs), way, terms, context=context)


def _terms(executor: Executors | None, concurrency: object, ordered: object, on_error: object) -> Terms:
    """Check how many runs are to be done, and in which order.

    Raises:
        TypeError: an argument is of a wrong type.
        ValueError: one says nothing.
    """
    if concurrency is None:
        concurrency = ON_LOOP if executor is None else IN_EXECUTOR
    if isinstance(concurrency, bool) or not isinstance(concurrency, int):
        raise TypeError(f"concurrency= is a number of runs or None, not {type(concurrency).__name__}")
    if concurrency < 1:
        raise ValueError(f"concurrency={concurrency}; write a number of runs from 1 on, or None")
    if not isinstance(ordered, bool):
        raise TypeError(f"ordered= is True or False, not {type(ordered).__name__}")
    if on_error not in ("raise", "collect"):
        raise ValueError(f"on_error={on_error!r}; write 'raise' or 'collect'")
    return Terms(concurrency, ordered, on_error == "collect")


def _way_of(
    program: Program, executor: object, limit: float | None, callers: Callers, *, calling_thread: bool
) -> Way:
    """Choose how runs are done.

    Raises:
        TypeError: ``executor`` is none.
    """
    if executor is None:
        return OnLoop(program, limit, callers, lanes=not calling_thread)
    if is_of_threads(executor):
        return InPool(program, limit, callers, executor)
    if isinstance(executor, futures.Executor) or callable(executor):
        from agent_runtime.runs.map.remote import InWorkers

        return InWorkers(program, limit, callers, executor)
    raise TypeError(
        "executor= is a concurrent.futures.Executor, or a function that makes one, not"
        f" {type(executor).__name__}"
    )


def _read(
    many: ManyRuns, given: Generator[Ended, None, None], callers: Callers
) -> Generator[MappedRun, None, None]:
    """Read on the calling thread: wherever the next run is asked for."""
    __tracebackhide__ = True
    failed: Outcome[object] = Outcome()
    callers.come()
    with contextlib.closing(given) as runs:
        for ended in runs:
            if ended.is_last:
                failed.error = ended.outcome.take_error()
                break
            callers.go()
            try:
                yield _mapped(ended)
            finally:
                callers.come()
            del ended
    failed.unwrap()
    many.conclude()


async def _read_async(many: ManyRuns, name: str) -> AsyncGenerator[MappedRun, None]:
    """Read on the running loop."""
    __tracebackhide__ = True
    failed: Outcome[object] = Outcome()
    async with (
        WorkerLane(name) as lane,
        contextlib.aclosing(many.runs(lane.call_outcome)) as runs,
    ):
        async for ended in runs:
            if ended.is_last:
                failed.error = ended.outcome.take_error()
                break
            yield _mapped(ended)
            del ended
    failed.unwrap()
    many.conclude()


def _mapped(ended: Ended) -> MappedRun:
    error = ended.outcome.take_error()
    try:
        assert error is None or isinstance(error, Exception)
        return MappedRun(ended.number, ended.outcome.value, error, ended.submissions)
    finally:
        del error
