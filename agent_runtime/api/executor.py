"""Executor: run steps that are already parsed, or that code has put together."""

from __future__ import annotations

import contextvars
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from typing import TYPE_CHECKING

from agent_runtime.api.durable import KeepsRuns
from agent_runtime.api.map import Maps
from agent_runtime.bridge import OnRunningLoop
from agent_runtime.llm import LLMClient
from agent_runtime.loading import Notes, from_steps
from agent_runtime.results.run_result import RunResult
from agent_runtime.runs.active import Request
from agent_runtime.runs.options import NO_OPTIONS, Options
from agent_runtime.runs.program import Program, Registry, Secrets
from agent_runtime.runs.streaming import stream, stream_async
from agent_runtime.workflow.model import Step, Workflow

if TYPE_CHECKING:
    from agent_runtime.results.events import StreamEvent
    from agent_runtime.storage import Storage

__all__ = ("Executor",)


class Executor(KeepsRuns, Maps):
    """Runs steps, any number of times; safe to share by threads.

    Construction checks everything and runs nothing.

    Args:
        steps: a list of steps, each a mapping as in a workflow file or parsed already; or a whole
            parsed workflow (:func:`load_workflow`). A list takes any inputs; a workflow takes
            those that it declares.
        outputs: what a run returns by name, with references in it, for a list of steps; by
            default every step's output by id.
        functions: what ``function`` steps may name.
        tools: what ``tool`` steps may name.
        llm: the client of ``agent`` steps; by default one that answers from a script.
        options: what else the workflow may use: errors to retry after, other workflows.
        secrets: what ``${secrets.<name>}`` stands for, under ``with`` of functions and tools: texts,
            functions that fetch them, or :class:`Secret`. Nothing shows them; see docs/security.md.
        storage: where runs are kept, to survive the process; by default nowhere. See docs/storage.md.

    Raises:
        WorkflowError: the steps have mistakes; all of them are listed.
        LLMClientError: ``llm`` is not a client.
        SecretError: a secret cannot be kept.
        TypeError: an argument is of a wrong type.
    """

    def __init__(
        self,
        steps: Workflow | Sequence[Step | Mapping[str, object]],
        *,
        outputs: Mapping[str, object] | None = None,
        functions: Registry | None = None,
        tools: Registry | None = None,
        llm: LLMClient | None = None,
        options: Options = NO_OPTIONS,
        secrets: Secrets | None = None,
        storage: Storage | None = None,
    ) -> None:
        if isinstance(steps, Workflow):
            if outputs is not None:
                raise TypeError("outputs= goes with a list of steps; a workflow has outputs of its own")
            workflow, notes = steps, Notes(steps.file)
        else:
            workflow, notes = from_steps(steps, outputs)
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

    def run(
        self,
        inputs: Mapping[str, object] | None = None,
        *,
        run_id: str | None = None,
        idempotency_key: str | None = None,
        timeout: float | None = None,
        on_running_loop: OnRunningLoop = "warn",
    ) -> RunResult:
        """Run the steps once and return the result; blocks the calling thread.

        See :meth:`Runtime.run`, which behaves the same in every respect.

        Raises:
            WorkflowError: inputs are missing, not declared, or of a wrong type; no step has run.
            RunConflictError: there is a run of this id already, or the run of this key cannot be had.
            RunCancelledError: it was cancelled.
            StorageError: the storage has failed; the run has stopped, and can be resumed.
            StepError: a step failed for a reason that the runtime found.
            CallerLoopError: an event loop runs in this thread and ``on_running_loop`` is "raise".
            TimeoutError: the time was up; the run has been cancelled.
            TypeError: an argument is of a wrong type.
            ValueError: an argument has a value that it cannot have.
            BaseException: whatever a step raised, the object itself.
        """
        __tracebackhide__ = True
        names = ("Executor.run", "Executor.run_async")
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
        """Run the steps once on the running loop and return the result; blocks nothing.

        See :meth:`Runtime.run_async`, which behaves the same in every respect.

        Raises:
            WorkflowError: inputs are missing, not declared, or of a wrong type; no step has run.
            RunConflictError: there is a run of this id already, or the run of this key cannot be had.
            RunCancelledError: it was cancelled.
            StorageError: the storage has failed; the run has stopped, and can be resumed.
            StepError: a step failed for a reason that the runtime found.
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
        """Run the steps once and give the events as they come; each ``next()`` blocks the calling thread.

        See :meth:`Runtime.stream`, which behaves the same in every respect.

        Raises:
            WorkflowError: inputs are missing, not declared, or of a wrong type; no step has run.
            RunConflictError: there is a run of this id already, or the run of this key cannot be had.
            RunCancelledError: it was cancelled.
            StorageError: the storage has failed; the run has stopped, and can be resumed.
            StepError: a step failed for a reason that the runtime found.
            CallerLoopError: an event loop runs in this thread and ``on_running_loop`` is "raise".
            TimeoutError: the time was up; the run has been cancelled.
            TypeError: an argument is of a wrong type.
            ValueError: an argument has a value that it cannot have.
            RuntimeError: a step raised ``StopIteration``, which no generator can; it is the ``__cause__``.
            BaseException: whatever a step raised, the object itself.
        """
        names = ("Executor.stream", "Executor.stream_async")
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
        """Run the steps once on the running loop and give the events as they come; blocks nothing.

        See :meth:`Runtime.stream_async`, which behaves the same in every respect.

        Raises:
            WorkflowError: inputs are missing, not declared, or of a wrong type; no step has run.
            RunConflictError: there is a run of this id already, or the run of this key cannot be had.
            RunCancelledError: it was cancelled.
            StorageError: the storage has failed; the run has stopped, and can be resumed.
            StepError: a step failed for a reason that the runtime found.
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
