"""Runtime: one workflow, loaded once and run many times."""

from __future__ import annotations

import contextvars
import os
from collections.abc import AsyncGenerator, Generator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Self

from agent_runtime.api.durable import KeepsRuns
from agent_runtime.api.map import Maps
from agent_runtime.bridge import OnRunningLoop, run_sync
from agent_runtime.llm import LLMClient
from agent_runtime.loading import parse_workflow, read_source
from agent_runtime.results.run_result import RunResult
from agent_runtime.runs.active import Request, all_ended
from agent_runtime.runs.options import NO_OPTIONS, Options
from agent_runtime.runs.program import Program, Registry, Secrets
from agent_runtime.runs.streaming import stream, stream_async
from agent_runtime.workflow.model import Workflow

if TYPE_CHECKING:
    from agent_runtime.results.events import StreamEvent
    from agent_runtime.storage import Storage

__all__ = ("Runtime",)


class Runtime(KeepsRuns, Maps):
    """Runs one workflow, any number of times and from any threads at once.

    Construction loads and checks the workflow and runs nothing. Use as a context manager, with
    ``with`` or ``async with``, or call :meth:`close` or :meth:`aclose`.

    Args:
        source: the path of a workflow file, or YAML text; a ``str`` with a line break in it is text.
        functions: what ``function`` steps may name.
        tools: what ``tool`` steps may name.
        llm: the client of ``agent`` steps; by default one that answers from a script.
        options: what else the workflow may use: errors to retry after, other workflows.
        secrets: what ``${secrets.<name>}`` stands for, under ``with`` of functions and tools: texts,
            functions that fetch them, or :class:`Secret`. Nothing shows them; see docs/security.md.
        storage: where runs are kept, to survive the process; by default nowhere. See docs/storage.md.

    Raises:
        WorkflowError: the workflow has mistakes, or there is no such file; all of them are listed.
        LLMClientError: ``llm`` is not a client.
        SecretError: a secret cannot be kept.
        TypeError: an argument is of a wrong type.
    """

    def __init__(
        self,
        source: str | os.PathLike[str],
        *,
        functions: Registry | None = None,
        tools: Registry | None = None,
        llm: LLMClient | None = None,
        options: Options = NO_OPTIONS,
        secrets: Secrets | None = None,
        storage: Storage | None = None,
    ) -> None:
        workflow, notes = parse_workflow(read_source(source))
        self._program = Program.of(
            workflow,
            notes,
            functions=functions,
            tools=tools,
            llm=llm,
            options=options,
            secrets=secrets,
            storage=storage,
        )

    @property
    def workflow(self) -> Workflow:
        """The parsed workflow."""
        return self._program.plan.workflow

    def run(
        self,
        inputs: Mapping[str, object] | None = None,
        *,
        run_id: str | None = None,
        idempotency_key: str | None = None,
        timeout: float | None = None,
        on_running_loop: OnRunningLoop = "warn",
    ) -> RunResult:
        """Run the workflow once and return its result; blocks the calling thread.

        Works with or without an event loop running in the calling thread. Async code runs on the
        bridge's loop thread, the same for every call; ``def`` steps run on the calling thread
        while it waits, unless they say ``thread: worker``; a blocking LLM client runs on a worker
        thread. A loop that runs in the calling thread stands still until the run has ended: inside
        ``async def`` code prefer :meth:`run_async`.

        The first step that fails ends the run: the others are cancelled and clean up, and then the
        exception of that step comes out, the object itself. In the main thread one Ctrl-C cancels
        the run, waits for its cleanup and raises ``KeyboardInterrupt``. A ``def`` step that has
        begun cannot be interrupted by a timeout; the call returns when it has ended.

        Args:
            inputs: values for the names that the workflow declares under ``inputs``.
            run_id: the run's id; a random one if none is given.
            idempotency_key: this is done once: a second call with the same key gets the result of the
                first, waits for it while that is in progress, and goes on with it if that has stopped.
            timeout: seconds until the run is cancelled; None for no limit.
            on_running_loop: what to do where a loop runs in this thread: "warn" and "allow" block
                it, "raise" refuses.

        Returns:
            Outputs, and a record of every step.

        Raises:
            WorkflowError: inputs are missing, not declared, or of a wrong type; no step has run.
            RunConflictError: there is a run of this id already, or the run of this key cannot be had.
            RunCancelledError: it was cancelled.
            StorageError: the storage has failed; the run has stopped, and can be resumed.
            StepError: a step failed for a reason that the runtime found.
            RuntimeClosedError: this runtime is closed, or was closed meanwhile.
            CallerLoopError: an event loop runs in this thread and ``on_running_loop`` is "raise".
            TimeoutError: the time was up; the run has been cancelled.
            TypeError: an argument is of a wrong type.
            ValueError: an argument has a value that it cannot have.
            BaseException: whatever a step raised, the object itself.
        """
        __tracebackhide__ = True
        names = ("Runtime.run", "Runtime.run_async")
        return self._program.run(
            inputs,
            timeout=timeout,
            on_running_loop=on_running_loop,
            names=names,
            request=Request.of(run_id, idempotency_key),
        )

    async def run_async(
        self,
        inputs: Mapping[str, object] | None = None,
        *,
        run_id: str | None = None,
        idempotency_key: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the same signature as the sync entry point
    ) -> RunResult:
        """Run the workflow once on the running loop and return its result; blocks nothing.

        The same as :meth:`run`, but for two things. ``def`` steps of one run share one worker
        thread, because a blocking one on this thread would stop its loop. And a coroutine cannot
        raise ``StopIteration``: if a step does, this raises ``RuntimeError`` with it as ``__cause__``.

        Cancelling this cancels every step, waits for their cleanup, and then goes on; a ``def``
        step that has begun is not waited for.

        Args:
            inputs: values for the names that the workflow declares under ``inputs``.
            run_id: the run's id; a random one if none is given.
            idempotency_key: this is done once: a second call with the same key gets the result of the
                first, waits for it while that is in progress, and goes on with it if that has stopped.
            timeout: seconds until the run is cancelled; None for no limit.

        Returns:
            Outputs, and a record of every step.

        Raises:
            WorkflowError: inputs are missing, not declared, or of a wrong type; no step has run.
            RunConflictError: there is a run of this id already, or the run of this key cannot be had.
            RunCancelledError: it was cancelled.
            StorageError: the storage has failed; the run has stopped, and can be resumed.
            StepError: a step failed for a reason that the runtime found.
            RuntimeClosedError: this runtime is closed, or was closed meanwhile.
            TimeoutError: the time was up; the run has been cancelled.
            TypeError: an argument is of a wrong type.
            ValueError: an argument has a value that it cannot have.
            BaseException: whatever a step raised, the object itself.
        """
        __tracebackhide__ = True
        return await self._program.run_async(
            inputs, limit=timeout, request=Request.of(run_id, idempotency_key)
        )

    def stream(
        self,
        inputs: Mapping[str, object] | None = None,
        *,
        run_id: str | None = None,
        idempotency_key: str | None = None,
        timeout: float | None = None,
        context: contextvars.Context | None = None,
        on_running_loop: OnRunningLoop = "warn",
    ) -> Generator[StreamEvent, None, None]:
        """Run the workflow once and give its events as they come; each ``next()`` blocks the calling thread.

        What is wrong with the arguments is said at once; the run begins when the first event is asked
        for. The last event, :class:`RunFinished`, has what :meth:`run` would return. A run that fails
        gives its events, :class:`RunFailed` as the last one, and then raises what :meth:`run` would.

        The work is done where :meth:`run` does it: async code on the bridge's loop thread, ``def`` steps
        on the calling thread while it asks for the next event. Between two events async steps go on,
        and ``def`` steps wait. A reader that stays away stops the run before long: with 64 events unread
        no further step starts, none is tried again, and no token is taken from an LLM client.

        Leaving the ``for`` loop in any way, closing the generator, or dropping it cancels the run and
        blocks until every step has cleaned up. So does Ctrl-C in the main thread while the next event
        is being waited for.

        Args:
            inputs: values for the names that the workflow declares under ``inputs``.
            run_id: the run's id; a random one if none is given.
            idempotency_key: this is done once: a second call with the same key gets the result of the
                first, waits for it while that is in progress, and goes on with it if that has stopped.
            timeout: seconds until the run is cancelled, the reader's own time included; None for no
                limit. Events of a run that has ended in time can be read at any time.
            context: whose context variables the steps see, each in a copy; by default the caller's as
                they are when this is called.
            on_running_loop: what to do where a loop runs in this thread: "warn" and "allow" block it,
                "raise" refuses.

        Returns:
            A generator of events, for one reader.

        Raises:
            WorkflowError: inputs are missing, not declared, or of a wrong type; no step has run.
            RunConflictError: there is a run of this id already, or the run of this key cannot be had.
            RunCancelledError: it was cancelled.
            StorageError: the storage has failed; the run has stopped, and can be resumed.
            StepError: a step failed for a reason that the runtime found.
            RuntimeClosedError: this runtime is closed, or was closed meanwhile.
            CallerLoopError: an event loop runs in this thread and ``on_running_loop`` is "raise".
            TimeoutError: the time was up; the run has been cancelled.
            TypeError: an argument is of a wrong type.
            ValueError: an argument has a value that it cannot have.
            RuntimeError: a step raised ``StopIteration``, which no generator can; it is the ``__cause__``.
            BaseException: whatever a step raised, the object itself.
        """
        names = ("Runtime.stream", "Runtime.stream_async")
        return stream(
            self._program,
            inputs,
            timeout=timeout,
            context=context,
            on_running_loop=on_running_loop,
            names=names,
            request=Request.of(run_id, idempotency_key),
        )

    def stream_async(
        self,
        inputs: Mapping[str, object] | None = None,
        *,
        run_id: str | None = None,
        idempotency_key: str | None = None,
        timeout: float | None = None,
        context: contextvars.Context | None = None,
    ) -> AsyncGenerator[StreamEvent, None]:
        """Run the workflow once on the running loop and give its events as they come; blocks nothing.

        For ``async for``, and best inside ``async with contextlib.aclosing(...)``: leaving an ``async
        for`` loop early does not close its generator at once, Python leaves that to the loop. Closing
        it cancels the run and waits for its cleanup, and so does cancelling the task that waits for the
        next event. In all else as :meth:`stream`, but that ``def`` steps of one run share one worker
        thread, and do not wait for the reader.

        Args:
            inputs: values for the names that the workflow declares under ``inputs``.
            run_id: the run's id; a random one if none is given.
            idempotency_key: this is done once: a second call with the same key gets the result of the
                first, waits for it while that is in progress, and goes on with it if that has stopped.
            timeout: seconds until the run is cancelled, the reader's own time included; None for no limit.
            context: whose context variables the steps see, each in a copy; by default the caller's as
                they are when this is called.

        Returns:
            An asynchronous generator of events, for one reader.

        Raises:
            WorkflowError: inputs are missing, not declared, or of a wrong type; no step has run.
            RunConflictError: there is a run of this id already, or the run of this key cannot be had.
            RunCancelledError: it was cancelled.
            StorageError: the storage has failed; the run has stopped, and can be resumed.
            StepError: a step failed for a reason that the runtime found.
            RuntimeClosedError: this runtime is closed, or was closed meanwhile.
            TimeoutError: the time was up; the run has been cancelled.
            TypeError: an argument is of a wrong type.
            ValueError: an argument has a value that it cannot have.
            RuntimeError: a step raised ``StopIteration``, which no coroutine can; it is the ``__cause__``.
            BaseException: whatever a step raised, the object itself.
        """
        return stream_async(
            self._program,
            inputs,
            limit=timeout,
            context=context,
            request=Request.of(run_id, idempotency_key),
        )

    def close(self) -> None:
        """Cancel the runs that are in progress, wait for their cleanup, and refuse further ones.

        From any thread, any number of times. Each run is cancelled on its own loop; its caller gets
        :class:`RuntimeClosedError`. This blocks the calling thread until they have returned: in
        ``async def`` code prefer :meth:`aclose`. Ctrl-C in the main thread ends the wait.

        No wait is made that could be in vain: inside a step, of this or any other workflow, this
        cancels and returns at once, also the step's own run; in a signal handler it does not wait for
        the run that it has interrupted; and where an event loop runs in the calling thread, not for
        runs on that loop. A ``def`` step that has begun goes on until it returns; the call of a sync
        entry point returns only then.
        """
        runs = self._program.runs
        left = [run for run in runs.close() if not run.needs_this_thread]
        if left and not runs.inside_a_step():
            run_sync(all_ended, left, names=("Runtime.close", "Runtime.aclose"))

    async def aclose(self) -> None:
        """Do as :meth:`close`, but block nothing: wait for the runs on the running loop.

        Inside a step, the run that the step belongs to is cancelled and not waited for. Cancelling
        this ends the wait; the runs stay cancelled.
        """
        await all_ended(self._program.runs.close())

    def __enter__(self) -> Self:
        self._program.runs.check_open()
        return self

    async def __aenter__(self) -> Self:
        self._program.runs.check_open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
