"""One call for the usual case: load a workflow and run it once."""

from __future__ import annotations

import contextvars
import os
from collections.abc import AsyncGenerator, Generator, Mapping
from typing import TYPE_CHECKING

from agent_runtime.bridge import OnRunningLoop
from agent_runtime.errors import WorkflowError
from agent_runtime.llm import LLMClient
from agent_runtime.loading import parse_workflow, read_source
from agent_runtime.results.run_result import RunResult
from agent_runtime.runs.active import Request
from agent_runtime.runs.options import NO_OPTIONS, Options
from agent_runtime.runs.program import Program, Registry, Secrets
from agent_runtime.runs.streaming import stream, stream_async
from agent_runtime.workflow.model import Workflow

if TYPE_CHECKING:
    from agent_runtime.results.events import StreamEvent
    from agent_runtime.storage import Storage

__all__ = (
    "load_workflow",
    "run_workflow",
    "run_workflow_async",
    "stream_workflow",
    "stream_workflow_async",
)


def load_workflow(source: str | os.PathLike[str]) -> Workflow:
    """Load and check a workflow without running it; names of functions and tools stay unchecked.

    Reads the file on the calling thread.

    Args:
        source: the path of a workflow file, or YAML text; a ``str`` with a line break in it is text.

    Returns:
        The parsed workflow, for :class:`Executor`.

    Raises:
        WorkflowError: the workflow has mistakes, or there is no such file; all of them are listed.
        TypeError: ``source`` is neither text nor path.
    """
    workflow, notes = parse_workflow(read_source(source))
    if notes or workflow is None:
        raise WorkflowError(notes.problems())
    return workflow


def run_workflow(  # noqa: PLR0913 - the arguments of a Runtime, and of one run of it
    source: str | os.PathLike[str],
    *,
    inputs: Mapping[str, object] | None = None,
    functions: Registry | None = None,
    tools: Registry | None = None,
    llm: LLMClient | None = None,
    options: Options = NO_OPTIONS,
    secrets: Secrets | None = None,
    storage: Storage | None = None,
    run_id: str | None = None,
    idempotency_key: str | None = None,
    timeout: float | None = None,
    on_running_loop: OnRunningLoop = "warn",
) -> RunResult:
    """Load a workflow, run it once and return its result; blocks the calling thread.

    Works with or without an event loop running in the calling thread: async code runs on the
    bridge's loop thread, ``def`` steps on the calling thread. A loop that runs in the calling
    thread stands still until the work is done: inside ``async def`` code prefer
    :func:`run_workflow_async`. In the main thread one Ctrl-C cancels the run, waits for its
    cleanup and raises ``KeyboardInterrupt``. To run a workflow often, make a :class:`Runtime`.

    Args:
        source: the path of a workflow file, or YAML text; a ``str`` with a line break in it is text.
        inputs: values for the names that the workflow declares under ``inputs``.
        functions: what ``function`` steps may name.
        tools: what ``tool`` steps may name.
        llm: the client of ``agent`` steps; by default one that answers from a script.
        options: what else the workflow may use: errors to retry after, other workflows.
        secrets: what ``${secrets.<name>}`` stands for, under ``with`` of functions and tools: texts,
            functions that fetch them, or :class:`Secret`. Nothing shows them; see docs/security.md.
        storage: where the run is kept, to survive the process; by default nowhere. See docs/storage.md.
        run_id: the run's id; a random one if none is given.
        idempotency_key: this is done once: a second call with the same key gets the result of the
            first, waits for it while that is in progress, and goes on with it if that has stopped.
        timeout: seconds until the run is cancelled; None for no limit.
        on_running_loop: what to do where a loop runs in this thread: "warn" and "allow" block it,
            "raise" refuses.

    Returns:
        Outputs, and a record of every step.

    Raises:
        WorkflowError: the workflow or its inputs have mistakes; all are listed; no step has run.
        LLMClientError: ``llm`` is not a client.
        SecretError: a secret cannot be kept.
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
    program = _load(source, functions, tools, llm, options, secrets, storage)
    names = ("run_workflow", "run_workflow_async")
    return program.run(
        inputs,
        timeout=timeout,
        on_running_loop=on_running_loop,
        names=names,
        request=Request.of(run_id, idempotency_key),
    )


async def run_workflow_async(  # noqa: PLR0913 - the arguments of a Runtime, and of one run of it
    source: str | os.PathLike[str],
    *,
    inputs: Mapping[str, object] | None = None,
    functions: Registry | None = None,
    tools: Registry | None = None,
    llm: LLMClient | None = None,
    options: Options = NO_OPTIONS,
    secrets: Secrets | None = None,
    storage: Storage | None = None,
    run_id: str | None = None,
    idempotency_key: str | None = None,
    timeout: float | None = None,  # noqa: ASYNC109 - the same signature as the sync entry point
) -> RunResult:
    """Load a workflow, run it once on the running loop and return its result.

    Reads the file on the calling thread, which takes a moment; the run itself blocks nothing.
    ``def`` steps of one run share one worker thread. Cancelling this cancels every step and waits
    for their cleanup. If a step raises ``StopIteration``, which no coroutine can, this raises
    ``RuntimeError`` with it as ``__cause__``.

    Args:
        source: the path of a workflow file, or YAML text; a ``str`` with a line break in it is text.
        inputs: values for the names that the workflow declares under ``inputs``.
        functions: what ``function`` steps may name.
        tools: what ``tool`` steps may name.
        llm: the client of ``agent`` steps; by default one that answers from a script.
        options: what else the workflow may use: errors to retry after, other workflows.
        secrets: what ``${secrets.<name>}`` stands for, under ``with`` of functions and tools: texts,
            functions that fetch them, or :class:`Secret`. Nothing shows them; see docs/security.md.
        storage: where the run is kept, to survive the process; by default nowhere. See docs/storage.md.
        run_id: the run's id; a random one if none is given.
        idempotency_key: this is done once: a second call with the same key gets the result of the
            first, waits for it while that is in progress, and goes on with it if that has stopped.
        timeout: seconds until the run is cancelled; None for no limit.

    Returns:
        Outputs, and a record of every step.

    Raises:
        WorkflowError: the workflow or its inputs have mistakes; all are listed; no step has run.
        LLMClientError: ``llm`` is not a client.
        SecretError: a secret cannot be kept.
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
    return await _load(source, functions, tools, llm, options, secrets, storage).run_async(
        inputs, limit=timeout, request=Request.of(run_id, idempotency_key)
    )


def stream_workflow(  # noqa: PLR0913 - the arguments of a Runtime, and of one run of it
    source: str | os.PathLike[str],
    *,
    inputs: Mapping[str, object] | None = None,
    functions: Registry | None = None,
    tools: Registry | None = None,
    llm: LLMClient | None = None,
    options: Options = NO_OPTIONS,
    secrets: Secrets | None = None,
    storage: Storage | None = None,
    run_id: str | None = None,
    idempotency_key: str | None = None,
    timeout: float | None = None,
    context: contextvars.Context | None = None,
    on_running_loop: OnRunningLoop = "warn",
) -> Generator[StreamEvent, None, None]:
    """Load a workflow, run it once and give its events; each ``next()`` blocks the calling thread.

    The workflow is loaded and checked at once; the run begins when the first event is asked for. See
    :meth:`Runtime.stream`, which behaves the same in every other respect.

    Args:
        source: the path of a workflow file, or YAML text; a ``str`` with a line break in it is text.
        inputs: values for the names that the workflow declares under ``inputs``.
        functions: what ``function`` steps may name.
        tools: what ``tool`` steps may name.
        llm: the client of ``agent`` steps; by default one that answers from a script.
        options: what else the workflow may use: errors to retry after, other workflows.
        secrets: what ``${secrets.<name>}`` stands for, under ``with`` of functions and tools: texts,
            functions that fetch them, or :class:`Secret`. Nothing shows them; see docs/security.md.
        storage: where the run is kept, to survive the process; by default nowhere. See docs/storage.md.
        run_id: the run's id; a random one if none is given.
        idempotency_key: this is done once: a second call with the same key gets the result of the
            first, waits for it while that is in progress, and goes on with it if that has stopped.
        timeout: seconds until the run is cancelled, the reader's own time included; None for no limit.
        context: whose context variables the steps see; by default the caller's.
        on_running_loop: what to do where a loop runs in this thread: "warn" and "allow" block it,
            "raise" refuses.

    Returns:
        A generator of events, for one reader.

    Raises:
        WorkflowError: the workflow or its inputs have mistakes; all are listed; no step has run.
        LLMClientError: ``llm`` is not a client.
        SecretError: a secret cannot be kept.
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
    names = ("stream_workflow", "stream_workflow_async")
    return stream(
        _load(source, functions, tools, llm, options, secrets, storage),
        inputs,
        timeout=timeout,
        context=context,
        on_running_loop=on_running_loop,
        names=names,
        request=Request.of(run_id, idempotency_key),
    )


def stream_workflow_async(  # noqa: PLR0913 - the arguments of a Runtime, and of one run of it
    source: str | os.PathLike[str],
    *,
    inputs: Mapping[str, object] | None = None,
    functions: Registry | None = None,
    tools: Registry | None = None,
    llm: LLMClient | None = None,
    options: Options = NO_OPTIONS,
    secrets: Secrets | None = None,
    storage: Storage | None = None,
    run_id: str | None = None,
    idempotency_key: str | None = None,
    timeout: float | None = None,
    context: contextvars.Context | None = None,
) -> AsyncGenerator[StreamEvent, None]:
    """Load a workflow, run it once on the running loop and give its events as they come; blocks nothing.

    The workflow is loaded and checked at once, on the calling thread. See :meth:`Runtime.stream_async`,
    which behaves the same in every other respect.

    Args:
        source: the path of a workflow file, or YAML text; a ``str`` with a line break in it is text.
        inputs: values for the names that the workflow declares under ``inputs``.
        functions: what ``function`` steps may name.
        tools: what ``tool`` steps may name.
        llm: the client of ``agent`` steps; by default one that answers from a script.
        options: what else the workflow may use: errors to retry after, other workflows.
        secrets: what ``${secrets.<name>}`` stands for, under ``with`` of functions and tools: texts,
            functions that fetch them, or :class:`Secret`. Nothing shows them; see docs/security.md.
        storage: where the run is kept, to survive the process; by default nowhere. See docs/storage.md.
        run_id: the run's id; a random one if none is given.
        idempotency_key: this is done once: a second call with the same key gets the result of the
            first, waits for it while that is in progress, and goes on with it if that has stopped.
        timeout: seconds until the run is cancelled, the reader's own time included; None for no limit.
        context: whose context variables the steps see; by default the caller's.

    Returns:
        An asynchronous generator of events, for one reader.

    Raises:
        WorkflowError: the workflow or its inputs have mistakes; all are listed; no step has run.
        LLMClientError: ``llm`` is not a client.
        SecretError: a secret cannot be kept.
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
        _load(source, functions, tools, llm, options, secrets, storage),
        inputs,
        limit=timeout,
        context=context,
        request=Request.of(run_id, idempotency_key),
    )


def _load(
    source: str | os.PathLike[str],
    functions: Registry | None,
    tools: Registry | None,
    llm: LLMClient | None,
    options: Options,
    secrets: Secrets | None,
    storage: Storage | None,
) -> Program:
    workflow, notes = parse_workflow(read_source(source))
    return Program.of(
        workflow,
        notes,
        functions=functions,
        tools=tools,
        llm=llm,
        options=options,
        secrets=secrets,
        storage=storage,
    )
