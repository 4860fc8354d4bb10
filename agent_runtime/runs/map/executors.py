"""Where the runs of a map are done when that is in this process: on its loop, with or without a pool."""

from __future__ import annotations

import asyncio
import contextlib
from _thread import get_ident
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from concurrent import futures
from typing import Protocol, TypeGuard, TypeVar, TypeVarTuple, Unpack, cast, runtime_checkable

from agent_runtime.bridge import WorkerLane
from agent_runtime.engine.steps import Offload
from agent_runtime.loading import bind_inputs
from agent_runtime.outcomes import Outcome
from agent_runtime.results.run_result import RunResult
from agent_runtime.runs.active import Run
from agent_runtime.runs.map.inputs import Elsewhere
from agent_runtime.runs.program import Program, ToCaller, ToLane

__all__ = ("Callers", "InPool", "OnLoop", "Refused", "Way", "is_of_threads", "resolve_soon")

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Refused(Exception):  # noqa: N818 - never seen outside: it carries what an executor said
    """An executor takes no more work; why is the ``__cause__``."""


@runtime_checkable
class Way(Protocol):
    """How one run after another is done; on one loop."""

    async def run(self, inputs: object, elsewhere: Elsewhere, /) -> tuple[Outcome[RunResult], int]:
        """Do one run; return what it came to, and how often it was begun.

        Raises:
            Refused: no run can be begun any more.
            CancelledError: this was cancelled; the run has been cancelled as well, and has cleaned up.
        """

    async def close(self) -> None:
        """Let go of everything, when no run is in progress."""


class Callers:
    """Which thread waits for the runs of one map: known to each of them, for whoever closes the runtime."""

    def __init__(self, ident: int) -> None:
        self._ident = ident
        self._runs: dict[Run, None] = {}

    def come(self) -> None:
        """Note that this thread waits from now on."""
        self._tell(get_ident())

    def go(self) -> None:
        """Note that no thread waits for now."""
        self._tell(0)

    def _tell(self, ident: int) -> None:
        self._ident = ident
        for run in tuple(self._runs.copy()):
            run.caller = ident

    @contextlib.contextmanager
    def enlisted(self, program: Program) -> Generator[Run, None, None]:
        """Enlist a run with its program for the length of the block.

        Raises:
            RuntimeClosedError: its runtime is closed.
        """
        run = Run(program.runs)
        run.caller = self._ident
        self._runs[run] = None
        try:
            with run:
                yield run
        finally:
            self._runs.pop(run, None)


class OnLoop:
    """Runs on the loop that this is used on.

    Args:
        program: what to run.
        limit: seconds that each run may take; None for no limit.
        callers: who waits for it.
        lanes: whether ``def`` steps have a worker thread, one for each run, or else the calling thread.
    """

    def __init__(self, program: Program, limit: float | None, callers: Callers, *, lanes: bool) -> None:
        self._program = program
        self._limit = limit
        self._callers = callers
        self._lanes = lanes

    async def run(self, inputs: object, elsewhere: Elsewhere) -> tuple[Outcome[RunResult], int]:  # noqa: ARG002 - not needed
        """Do one run."""
        if not self._lanes:
            return await self._run(inputs, ToCaller()), 1
        async with WorkerLane(f"agent_runtime functions of {self._program.plan.workflow.name}") as lane:
            return await self._run(inputs, ToLane(lane)), 1

    async def close(self) -> None:
        """Do nothing."""

    async def _run(self, inputs: object, offload: Offload) -> Outcome[RunResult]:
        program, limit = self._program, self._limit
        with self._callers.enlisted(program) as run:
            bound = bind_inputs(program.plan.workflow, cast("Mapping[str, object] | None", inputs))
            try:
                async with asyncio.timeout(limit):
                    return await program.execute(run, bound, offload)
            except TimeoutError as error:  # never a step's own: that is in the outcome
                error.args = (f"workflow '{program.plan.workflow.name}' was cancelled after {limit:g} s",)
                raise


class InPool(OnLoop):
    """Runs on the loop, each with one thread of a pool for its ``def`` steps as long as it lasts."""

    def __init__(
        self, program: Program, limit: float | None, callers: Callers, pool: futures.ThreadPoolExecutor
    ) -> None:
        super().__init__(program, limit, callers, lanes=True)
        self._pool = pool

    async def run(self, inputs: object, elsewhere: Elsewhere) -> tuple[Outcome[RunResult], int]:  # noqa: ARG002 - not needed
        """Do one run, as soon as a thread of the pool is free."""
        async with self._lane() as lane:
            return await self._run(inputs, ToLane(lane)), 1

    @contextlib.asynccontextmanager
    async def _lane(self) -> AsyncGenerator[WorkerLane, None]:
        """Keep one thread of the pool for the length of the block."""
        loop = asyncio.get_running_loop()
        begun: asyncio.Future[None] = loop.create_future()
        async with WorkerLane(own_thread=False) as lane:

            def serve() -> None:
                resolve_soon(loop, begun)
                lane.serve()

            place = _submit(self._pool, serve)
            place.add_done_callback(lambda _place: resolve_soon(loop, begun))
            try:
                await begun
                if place.done():
                    raise _refusal_of(place)
                yield lane
            finally:
                place.cancel()


def is_of_threads(executor: object) -> TypeGuard[futures.ThreadPoolExecutor]:
    """Whether an executor's threads can be given anything of this process: those of interpreters cannot."""
    interpreters = getattr(futures, "InterpreterPoolExecutor", None)
    if interpreters is not None and isinstance(executor, interpreters):
        return False
    return isinstance(executor, futures.ThreadPoolExecutor)


def _submit(executor: futures.Executor, fn: Callable[[Unpack[Ts]], T], *args: *Ts) -> futures.Future[T]:
    """Give an executor something to do.

    Raises:
        Refused: it takes nothing any more.
    """
    try:
        return executor.submit(fn, *args)
    except Exception as error:  # noqa: BLE001 - RuntimeError, BrokenExecutor, or what a cluster's client raises
        refused = Refused()
        refused.__cause__ = error
    raise refused


def _refusal_of(future: futures.Future[T]) -> Refused:
    """Return what an executor said when it did not do what it had been given."""
    refused = Refused()
    refused.__cause__ = futures.CancelledError() if future.cancelled() else future.exception()
    return refused


def resolve_soon(loop: asyncio.AbstractEventLoop, future: asyncio.Future[None]) -> None:
    """Resolve a future of a loop, from any thread."""
    with contextlib.suppress(RuntimeError):  # the loop is closed, and whoever waited is gone with it
        loop.call_soon_threadsafe(_resolve, future)


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
