"""Runs in other processes: given to an executor, and again when it has lost them with a worker."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import sys
from collections.abc import AsyncGenerator, Callable
from concurrent import futures

from agent_runtime.bridge import call_in_worker_outcome
from agent_runtime.errors import WorkerLostError
from agent_runtime.outcomes import Outcome, this_task
from agent_runtime.results.run_result import RunResult
from agent_runtime.runs.map.cancellation import Unwanted
from agent_runtime.runs.map.executors import Callers, Refused, is_of_threads, resolve_soon
from agent_runtime.runs.map.inputs import Elsewhere
from agent_runtime.runs.map.payloads import pack_inputs, pack_program, unpack_outcome
from agent_runtime.runs.map.worker import perform
from agent_runtime.runs.program import Program

__all__ = ("SUBMISSIONS", "InWorkers")

SUBMISSIONS = 3
"""How often a run is given to a worker at most. A process pool breaks as a whole: every run in its hands is
lost, and which one has killed its worker cannot be told. So the last time each of them runs alone, with
nothing else in progress: what is lost then is lost by its own doing."""


class InWorkers:
    """Runs in the workers of an executor.

    Args:
        program: what to run.
        limit: seconds that each run may take; None for no limit.
        callers: who waits for it.
        executor: one, or a function that makes one whenever there is none that works.

    Raises:
        NotPortableError: the program cannot be sent to another process.
    """

    def __init__(
        self,
        program: Program,
        limit: float | None,
        callers: Callers,
        executor: futures.Executor | Callable[[], futures.Executor],
    ) -> None:
        self._program = program
        self._limit = limit
        self._callers = callers
        self._packed = pack_program(program.origin)
        self._executor = executor if isinstance(executor, futures.Executor) else None
        self._make = None if isinstance(executor, futures.Executor) else executor
        self._making = asyncio.Lock()
        self._turns = _Turns()
        self._goes_on = False
        self._unwanted = Unwanted()

    async def run(self, inputs: object, elsewhere: Elsewhere) -> tuple[Outcome[RunResult], int]:
        """Do one run; again, if it is lost with its worker."""
        packed = pack_inputs(inputs)
        stopped: Outcome[RunResult] = Outcome()
        task = this_task()
        assert task is not None

        def stop(error: BaseException) -> None:
            stopped.error = error
            task.cancel()

        with self._callers.enlisted(self._program) as run:
            run.begun(stop)
            try:
                return await self._submitted(packed, run.id, elsewhere)
            except asyncio.CancelledError:
                if stopped.error is None or task.uncancel() > 0:
                    raise
                return stopped, 1

    async def close(self) -> None:
        """Shut down what has been made here; wait for its workers, unless one is still at a dropped run."""
        self._unwanted.close()
        made, self._executor = self._executor, None
        if made is None or self._make is None:
            return
        if self._goes_on:
            made.shutdown(wait=False)
        else:
            await call_in_worker_outcome(made.shutdown)

    async def _submitted(
        self, packed: bytes, run_id: str, elsewhere: Elsewhere
    ) -> tuple[Outcome[RunResult], int]:
        """Give a run to one worker after another, until it is done, or lost too often."""
        for submissions in range(1, SUBMISSIONS + 1):
            async with self._turns.turn(alone=submissions == SUBMISSIONS):
                came = await self._once((packed, self._limit, run_id), elsewhere)
            if came.value is not None:
                return unpack_outcome(came.value), submissions
            if not isinstance(came.error, futures.BrokenExecutor):
                break  # a cluster has tried again by itself
        lost = WorkerLostError(submissions)
        lost.__cause__ = came.take_error()
        try:
            return Outcome(error=lost), submissions
        finally:
            del lost

    async def _once(self, run: tuple[bytes, float | None, str], elsewhere: Elsewhere) -> Outcome[bytes]:
        """Give a run to a worker once; return what it came to, or how it was lost.

        Raises:
            Refused: the executor takes no more work, and nothing makes another one.
        """
        executor = await self._working(elsewhere)
        # Workers of a cluster may be on machines that do not see our files.
        file = self._unwanted.file_of(run[2]) if _is_here(executor) else ""
        given = await elsewhere(functools.partial(executor.submit, perform, self._packed, *run, file))
        if given.error is None:
            came = await self._done(given.unwrap(), file)
            if not isinstance(came.error, futures.BrokenExecutor):
                return came
        else:
            came = Outcome(error=given.take_error())
        if not isinstance(came.error, Exception):
            came.unwrap()  # Ctrl-C on the calling thread
        if self._make is None:
            refused = Refused()
            refused.__cause__ = came.take_error()
            raise refused
        if self._executor is executor:
            self._executor = None
            executor.shutdown(wait=False)
        if not isinstance(came.error, futures.BrokenExecutor):
            came = Outcome(error=futures.BrokenExecutor(str(came.take_error())))
        return came

    async def _working(self, elsewhere: Elsewhere) -> futures.Executor:
        """Return an executor that is not known to be broken; make one if there is none."""
        async with self._making:
            if self._executor is None:
                assert self._make is not None
                made = await elsewhere(functools.partial(_made_by, self._make))
                if isinstance(made.error, Exception):
                    refused = Refused()
                    refused.__cause__ = made.take_error()
                    raise refused
                self._executor = made.unwrap()
            return self._executor

    async def _done(self, future: futures.Future[bytes], file: str) -> Outcome[bytes]:
        """Wait for a worker; if the run is not wanted any more, tell it, and do not wait for its cleanup."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        future.add_done_callback(lambda _future: resolve_soon(loop, done))
        try:
            await done
        finally:
            if not future.done() and not future.cancel():
                self._goes_on = True
                if file:
                    self._unwanted.tell(file, future)
        if future.cancelled():
            return Outcome(error=futures.CancelledError())
        error = future.exception()
        return Outcome(future.result()) if error is None else Outcome(error=error)


def _is_here(executor: futures.Executor) -> bool:
    """Whether an executor's workers are on this machine; its module is there if there is such a pool."""
    module = sys.modules.get("concurrent.futures.process")
    return module is not None and isinstance(executor, module.ProcessPoolExecutor)


def _made_by(make: Callable[[], object]) -> futures.Executor:
    """Make an executor.

    Raises:
        TypeError: it is none, or one of threads.
    """
    made = make()
    if isinstance(made, futures.Executor) and not is_of_threads(made):
        return made
    raise TypeError(
        f"executor= made {type(made).__name__}; a function given there makes an executor of other processes,"
        " as ProcessPoolExecutor does; give a ThreadPoolExecutor itself"
    )


class _Turns:
    """Lets many go at once, or one alone; who wants to be alone goes before those who come later."""

    def __init__(self) -> None:
        self._going = 0
        self._alone = asyncio.Lock()
        self._none = asyncio.Event()
        self._none.set()

    @contextlib.asynccontextmanager
    async def turn(self, *, alone: bool) -> AsyncGenerator[None, None]:
        """Go in the block."""
        if alone:
            async with self._alone:
                await self._none.wait()
                yield
            return
        async with self._alone:
            self._going += 1
            self._none.clear()
        try:
            yield
        finally:
            self._going -= 1
            if not self._going:
                self._none.set()
