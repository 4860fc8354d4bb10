"""What runs a workflow many times over: map() of Runtime and Executor."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from typing import TYPE_CHECKING

from agent_runtime.bridge import OnRunningLoop
from agent_runtime.runs.program import Program

if TYPE_CHECKING:
    from agent_runtime.runs.map import Executors, Inputs, MappedRun, OnError

__all__ = ("Maps",)


class Maps:
    """Whatever runs a program, and so can run it many times over."""

    _program: Program

    def map(
        self,
        inputs: Inputs,
        *,
        executor: Executors | None = None,
        concurrency: int | None = None,
        ordered: bool = True,
        on_error: OnError = "raise",
        timeout: float | None = None,
        on_running_loop: OnRunningLoop = "warn",
    ) -> Generator[MappedRun, None, None]:
        """Run the workflow once for each of the inputs and give each run as it ends; ``next()`` blocks.

        What is wrong with the arguments is said at once; the first run begins when the first result is
        asked for. Inputs are taken one by one, at most ``2 * concurrency`` ahead of the reader, so that
        any number of runs needs a bounded amount of memory. An iterator's own code runs on the calling
        thread, an async one's on the bridge's loop thread.

        Without an executor the runs go on together on the bridge's loop thread, where :meth:`run` does
        its work, and their ``def`` steps run on the calling thread, one at a time, while it waits for
        the next result. With a ``ThreadPoolExecutor`` each run keeps one thread of the pool for its
        ``def`` steps as long as it lasts. Any other executor is taken for one of other processes: a
        worker does the whole run there, as :meth:`run` would.

        Leaving the ``for`` loop in any way cancels the runs in progress and blocks until they have
        cleaned up; so does Ctrl-C in the main thread while the next result is being waited for. What
        runs in a ``ProcessPoolExecutor`` is cancelled too, and its cleanup is not waited for; in any other
        executor it goes on to its end. Its result is dropped.

        Args:
            inputs: a mapping of values for each run, or None for a run without any; an iterable of
                them, or an async iterable.
            executor: where to run. A function that makes one is called with the first run, and again
                when a process pool has broken; what it has made is shut down at the end.
            concurrency: how many runs may be in progress at once; by default 10, and 32 with an executor.
            ordered: whether to give the runs in the order of their inputs, or else as they end.
            on_error: "raise" ends with the exception of the first run that fails, when all before it
                have been given; "collect" gives failed runs as well, with their exception as ``error``.
                An exception that is no ``Exception`` is always raised.
            timeout: seconds that each run may take; None for no limit.
            on_running_loop: what to do where a loop runs in this thread: "warn" and "allow" block it,
                "raise" refuses.

        Returns:
            A generator of :class:`MappedRun`, for one reader.

        Raises:
            WorkflowError: the inputs of a run are missing, not declared, or of a wrong type.
            StepError: a step failed for a reason that the runtime found.
            ExecutorBrokenError: the executor takes no more work; what had ended has been given.
            NotPortableError: something of this workflow cannot be sent to another process.
            WorkerLostError: a run was lost with its worker, as often as it may be.
            RuntimeClosedError: this runtime is closed, or was closed meanwhile.
            CallerLoopError: an event loop runs in this thread and ``on_running_loop`` is "raise".
            TimeoutError: the time of a run was up.
            TypeError: an argument is of a wrong type.
            ValueError: an argument says nothing: ``concurrency=0``, say.
            BaseException: whatever a step or ``inputs`` raised, the object itself.
        """
        from agent_runtime.runs.map import map_runs

        return map_runs(
            self._program,
            inputs,
            executor=executor,
            concurrency=concurrency,
            ordered=ordered,
            on_error=on_error,
            timeout=timeout,
            on_running_loop=on_running_loop,
            owner=type(self).__name__,
        )

    def map_async(
        self,
        inputs: Inputs,
        *,
        executor: Executors | None = None,
        concurrency: int | None = None,
        ordered: bool = True,
        on_error: OnError = "raise",
        timeout: float | None = None,
    ) -> AsyncGenerator[MappedRun, None]:
        """Run the workflow once for each of the inputs on the running loop and give each as it ends.

        For ``async for``, and best inside ``async with contextlib.aclosing(...)``: leaving an ``async
        for`` loop early does not close its generator at once. As :meth:`map`, but that nothing is
        blocked: without an executor each run has a worker thread for its ``def`` steps, and so have an
        iterator's own code and the executor's ``submit()``, one for all.

        Args:
            inputs: a mapping of values for each run, or None for a run without any; an iterable of
                them, or an async iterable.
            executor: where to run; see :meth:`map`.
            concurrency: how many runs may be in progress at once; by default 10, and 32 with an executor.
            ordered: whether to give the runs in the order of their inputs, or else as they end.
            on_error: "raise" or "collect"; see :meth:`map`.
            timeout: seconds that each run may take; None for no limit.

        Returns:
            An asynchronous generator of :class:`MappedRun`, for one reader.

        Raises:
            WorkflowError: the inputs of a run are missing, not declared, or of a wrong type.
            StepError: a step failed for a reason that the runtime found.
            ExecutorBrokenError: the executor takes no more work; what had ended has been given.
            NotPortableError: something of this workflow cannot be sent to another process.
            WorkerLostError: a run was lost with its worker, as often as it may be.
            RuntimeClosedError: this runtime is closed, or was closed meanwhile.
            TimeoutError: the time of a run was up.
            TypeError: an argument is of a wrong type.
            ValueError: an argument says nothing: ``concurrency=0``, say.
            BaseException: whatever a step or ``inputs`` raised, the object itself.
        """
        from agent_runtime.runs.map import map_runs_async

        return map_runs_async(
            self._program,
            inputs,
            executor=executor,
            concurrency=concurrency,
            ordered=ordered,
            on_error=on_error,
            timeout=timeout,
        )
