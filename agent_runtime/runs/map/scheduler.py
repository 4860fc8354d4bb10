"""Many runs of one program, a bounded number of them at once, given to one reader as they end."""

from __future__ import annotations

import asyncio
import contextvars
import sys
from collections.abc import AsyncGenerator, Coroutine
from typing import Any, NamedTuple

from agent_runtime.errors import ExecutorBrokenError, RuntimeClosedError
from agent_runtime.outcomes import Outcome, acapture
from agent_runtime.results.run_result import RunResult
from agent_runtime.runs.active import Runs
from agent_runtime.runs.map.executors import Refused, Way
from agent_runtime.runs.map.inputs import END, Elsewhere, Source

__all__ = ("Ended", "ManyRuns", "Terms")


class Terms(NamedTuple):
    """How many runs are to be done.

    Attributes:
        concurrency: how many may be in progress. As many more may have ended and wait for the reader.
        ordered: whether they are given in the order of their inputs, or else as they end.
        collect: whether runs that fail are given like others, or else the first failure ends the map.
    """

    concurrency: int
    ordered: bool
    collect: bool


class Ended(NamedTuple):
    """One run that has ended.

    Attributes:
        number: of its input, counted from 0.
        outcome: what it came to.
        submissions: how often it was begun.
        is_last: whether its failure ends the map.
    """

    number: int
    outcome: Outcome[RunResult]
    submissions: int
    is_last: bool


class ManyRuns:
    """The runs of one map; on one loop, for one reader.

    Args:
        runs: the program's; once they are closed, no failure is collected any more.
        source: where their inputs come from.
        way: how one is done.
        terms: how many at once, and in which order.
        context: whose variables they see; by default those of whoever asks for the first one.
    """

    def __init__(
        self, runs: Runs, source: Source, way: Way, terms: Terms, *, context: contextvars.Context | None
    ) -> None:
        self._runs = runs
        self._source = source
        self._way = way
        self._terms = terms
        self._context = context
        self._tasks: dict[asyncio.Task[None], int] = {}
        self._ended: dict[int, Ended] = {}
        self._taken = 0
        self._given = 0
        self._lost: list[int] = []
        self._first_failed: int | None = None
        self._over = False
        self._why: BaseException | None = None
        self._news = asyncio.Event()
        self._room = asyncio.Event()

    async def runs(self, elsewhere: Elsewhere) -> AsyncGenerator[Ended, None]:
        """Do the runs, and give each when it has ended; closing this cancels them and waits for that.

        Args:
            elsewhere: where code of the caller's is called that may block.
        """
        self._context = self._context or contextvars.copy_context()
        feeder = self._start(self._feed(elsewhere), "agent_runtime inputs")
        try:
            while (index := await self._next()) is not None:
                self._given += 1
                self._room.set()
                yield self._ended.pop(index)
        finally:
            await self._stop(feeder)

    def conclude(self) -> None:
        """Say why the runs have ended before the inputs did, if they have.

        Raises:
            ExecutorBrokenError: no further run could be begun; all that have ended have been given.
            BaseException: what ``inputs`` raised; all runs that had begun have been given.
        """
        __tracebackhide__ = True
        error, self._why = self._why, None
        if isinstance(error, Refused):
            broken = ExecutorBrokenError(sorted(self._lost), self._taken)
            broken.__cause__, error.__cause__ = error.__cause__, None
            error = broken
            del broken
        try:
            Outcome[None](error=error).unwrap()
        finally:
            del error

    def _start(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Start a task; not by arguments of create_task(): a host's task factory may be older than these."""
        assert self._context is not None
        task = self._context.run(asyncio.get_running_loop().create_task, work)
        task.set_name(name)
        return task

    async def _feed(self, elsewhere: Elsewhere) -> None:
        """Take inputs and begin their runs as long as there is room."""
        try:
            while await self._has_room():
                taken = await self._source.take(elsewhere)
                if taken.error is not None:
                    self._end_with(taken.take_error())
                if taken.value is END or self._over:
                    return
                self._begin(self._taken, taken.value, elsewhere)
                self._taken += 1
        finally:
            self._over = True
            self._news.set()

    async def _has_room(self) -> bool:
        """Wait until a further run may be begun; return whether one is wanted."""
        most = self._terms.concurrency
        while not self._over and (len(self._tasks) >= most or self._taken - self._given >= 2 * most):
            self._room.clear()
            await self._room.wait()
        return not self._over

    def _begin(self, index: int, inputs: object, elsewhere: Elsewhere) -> None:
        task = self._start(self._carry_out(index, inputs, elsewhere), f"agent_runtime run {index}")
        self._tasks[task] = index
        task.add_done_callback(self._on_done)

    async def _carry_out(self, index: int, inputs: object, elsewhere: Elsewhere) -> None:
        """Do one run and note what it came to; raises nothing, not even a cancellation."""
        done = await acapture(self._way.run(inputs, elsewhere))
        if done.value is not None:
            self._note(index, *done.value)
            return
        error = done.take_error()
        try:
            if isinstance(error, Refused):
                self._lost.append(index)
                self._end_with(error)
            else:
                self._note(index, Outcome(error=error), 1)
        finally:
            del error

    def _note(self, index: int, outcome: Outcome[RunResult], submissions: int) -> None:
        """Keep what a run came to until the reader comes for it, unless it is not wanted any more."""
        if self._first_failed is not None and (not self._terms.ordered or index > self._first_failed):
            return
        if self._why is not None and isinstance(outcome.error, asyncio.CancelledError):
            return
        is_last = outcome.error is not None and self._is_fatal(outcome.error)
        self._ended[index] = Ended(index, outcome, submissions, is_last)
        if is_last:
            self._first_failed = index
            self._over = True
            self._room.set()
            self._cancel_those_after(index)

    def _is_fatal(self, error: BaseException) -> bool:
        """Whether a failure ends the map."""
        if not isinstance(error, Exception) or not self._terms.collect:
            return True
        return isinstance(error, RuntimeClosedError) and self._runs.closed

    def _cancel_those_after(self, index: int) -> None:
        """Cancel what will not be given: of an ordered map, what comes before the failure still is."""
        for task, other in self._tasks.items():
            if not self._terms.ordered or other > index:
                task.cancel()

    def _end_with(self, error: BaseException | None) -> None:
        """Begin no further run; what has begun ends, and then this comes out."""
        self._over = True
        self._why = self._why or error
        self._room.set()
        if not isinstance(error, Exception):  # Ctrl-C, while the caller's own code made an input
            for task in self._tasks:
                task.cancel()

    def _on_done(self, task: asyncio.Task[None]) -> None:
        del self._tasks[task]
        self._room.set()
        self._news.set()

    async def _next(self) -> int | None:
        """Wait for the run that is to be given next, and return its index; None when there is none left."""
        while True:
            if self._terms.ordered and self._given in self._ended:
                return self._given
            idle = self._over and not self._tasks
            if self._ended and (idle or not self._terms.ordered):
                return min(self._ended) if self._terms.ordered else next(iter(self._ended))
            if idle:
                return None
            self._news.clear()
            await self._news.wait()

    async def _stop(self, feeder: asyncio.Task[None]) -> None:
        """Cancel what is left and wait for its cleanup; whoever cancels that waits, too."""
        self._over = True
        left = {feeder, *self._tasks}
        for task in left:
            task.cancel()
        cancelled = Outcome[object]()
        while not all(task.done() for task in left):
            waited = await acapture(asyncio.wait(left))
            if waited.error is not None and cancelled.error is None:
                cancelled.error = waited.take_error()
        self._ended.clear()
        await self._way.close()
        if not isinstance(sys.exception(), asyncio.CancelledError):
            cancelled.unwrap()  # else the first cancellation comes out
