"""Every error that agent_runtime raises of its own, as one tree.

A step's own exception is never wrapped: what the step raised is what comes out of the entry point.

::

    AgentRuntimeError
    ├── BridgeError               can I not call this here?
    │   ├── BridgeClosedError     the bridge has been closed
    │   ├── CallerLoopError       an event loop runs in this thread and the setting refuses to block it
    │   ├── CallAbandonedError    the caller that this work needs has stopped waiting
    │   ├── CircularWaitError     the work waits for the caller, and the caller for the work
    │   ├── ContextInUseError     the context given with context= is entered elsewhere
    │   ├── ForkedCallError       a forked child went on inside a call of its parent
    │   ├── NoCallerError         this code does not run inside a sync call
    │   └── NoThreadError         no thread can start here, and the calling thread's loop is taken
    ├── WorkflowError             is my workflow, or what I gave it, wrong? No step has run
    ├── StepError                 did a step fail for a reason that the runtime found?
    │   ├── ReferenceValueError   a ${...} found nothing, or nothing it can work with (LookupError)
    │   └── StepTimeoutError      a step took longer than its timeout (TimeoutError)
    ├── LLMClientError            is my LLM client not one? (TypeError)
    └── RuntimeClosedError        is the runtime closed that I ran, or that was running?
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = (
    "AgentRuntimeError",
    "BlockedLoopWarning",
    "BridgeClosedError",
    "BridgeError",
    "CallAbandonedError",
    "CallerLoopError",
    "CircularWaitError",
    "ContextInUseError",
    "ForkedCallError",
    "LLMClientError",
    "NoCallerError",
    "NoThreadError",
    "Problem",
    "ReferenceValueError",
    "RuntimeClosedError",
    "StalledCallWarning",
    "StepError",
    "StepTimeoutError",
    "WorkflowError",
)


class AgentRuntimeError(Exception):
    """Base of every error that this package raises of its own."""


class BridgeError(AgentRuntimeError):
    """A sync call cannot be carried out in the situation it was made in."""


class _EntryPointError(BridgeError):
    """What several errors have in common: the names of an entry point and of its async variant."""

    def __init__(self, entry_point: str, async_variant: str) -> None:
        super().__init__(entry_point, async_variant)
        self.entry_point = entry_point
        self.async_variant = async_variant


class _FunctionError(BridgeError):
    """What several errors have in common: the name of a function."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class CallerLoopError(_EntryPointError):
    """A sync entry point was called where an event loop runs, and the setting refuses that.

    Waiting there would block the loop of the calling thread.

    Attributes:
        entry_point: name of the sync function that was called.
        async_variant: name of the function to await instead.
    """

    def __str__(self) -> str:
        return (
            f"{self.entry_point}() was called where an event loop runs, and on_running_loop='raise'"
            f" forbids blocking it; write `await {self.async_variant}(...)` there instead"
        )


class BlockedLoopWarning(RuntimeWarning):
    """A sync call kept the event loop of its own thread standing still for long.

    Attributes:
        entry_point: name of the sync function that was called.
        async_variant: name of the function to await instead.
        seconds: how long the loop stood still.
        site: file and line of the call.
    """

    def __init__(self, entry_point: str, async_variant: str, seconds: float, site: str) -> None:
        super().__init__(entry_point, async_variant, seconds, site)
        self.entry_point = entry_point
        self.async_variant = async_variant
        self.seconds = seconds
        self.site = site

    def __str__(self) -> str:
        return (
            f"{self.entry_point}() blocked the running event loop for {self.seconds:.1f} s at {self.site};"
            f" write `await {self.async_variant}(...)` there, or pass on_running_loop='allow'"
        )


class BridgeClosedError(BridgeError):
    """A call was made on a bridge that has been closed, or was cut off by its closing.

    Attributes:
        bridge: name of the bridge.
    """

    def __init__(self, bridge: str) -> None:
        super().__init__(bridge)
        self.bridge = bridge

    def __str__(self) -> str:
        return f"the bridge '{self.bridge}' is closed; make a new one, or call before close()"


class StalledCallWarning(RuntimeWarning):
    """A sync call has kept the event loop of its own thread standing still, and goes on doing so.

    Attributes:
        entry_point: name of the sync function that was called.
        async_variant: name of the function to await instead.
        seconds: how long the loop has been standing still.
        site: file and line of the call.
        work: where the work stands.
        waiting: what waits for the loop.
    """

    def __init__(
        self, entry_point: str, async_variant: str, seconds: float, site: str, work: str, waiting: str
    ) -> None:
        super().__init__(entry_point, async_variant, seconds, site, work, waiting)
        self.entry_point = entry_point
        self.async_variant = async_variant
        self.seconds = seconds
        self.site = site
        self.work = work
        self.waiting = waiting

    def __str__(self) -> str:
        return (
            f"{self.entry_point}() has blocked the running event loop for {self.seconds:.1f} s at {self.site}"
            f" and still waits; if the work needs that loop, it will never end\n"
            f"  the work: {self.work}\n"
            f"  the loop: {self.waiting}\n"
            f"  write `await {self.async_variant}(...)` there instead"
        )


class CallAbandonedError(_FunctionError):
    """Work asked for the calling thread, but the caller has stopped waiting.

    Attributes:
        what: the function that was to run on the calling thread.
    """

    def __str__(self) -> str:
        return (
            f"{self.what} was to run on the thread of a sync call, and that call has already ended;"
            " await it before the call returns, or run it on a worker thread"
        )


class CircularWaitError(BridgeError):
    """The work of a sync call waits for something that only its own, waiting caller could do.

    Attributes:
        entry_point: name of the sync function that was called.
        reason: what the work waits for.
        remedy: what to write instead.
        work: where the work stands.
    """

    def __init__(self, entry_point: str, reason: str, remedy: str, work: str) -> None:
        super().__init__(entry_point, reason, remedy, work)
        self.entry_point = entry_point
        self.reason = reason
        self.remedy = remedy
        self.work = work

    def __str__(self) -> str:
        return (
            f"{self.entry_point}() would never return: its work waits {self.reason}, and this thread waits"
            f" for the work; {self.remedy}\n  the work: {self.work}"
        )


class ContextInUseError(BridgeError):
    """The context given with ``context=`` is entered already, so no other thread can run in it."""

    def __str__(self) -> str:
        return (
            "the context given with context= is entered already, most likely by the caller itself;"
            " pass contextvars.copy_context() and read the changes from that copy afterwards"
        )


class ForkedCallError(_FunctionError):
    """A child process went on inside a sync call that its parent had made before the fork.

    Attributes:
        what: the async function whose outcome the call was waiting for.
    """

    def __str__(self) -> str:
        return (
            f"this process was forked while its parent waited for {self.what}, and only the parent can get"
            " that outcome; end the child with os._exit(), or make a new call in it"
        )


class NoCallerError(_FunctionError):
    """Async code asked for the calling thread, but it does not run inside a sync call.

    Attributes:
        what: the function that was to run on the calling thread.
    """

    def __str__(self) -> str:
        return (
            f"{self.what} was to run on the thread of a sync call, but this code does not run inside one;"
            " use call_in_worker() or a WorkerLane here"
        )


class NoThreadError(_EntryPointError):
    """No thread can be started here, and an event loop already runs on the calling thread.

    Attributes:
        entry_point: name of the sync function that was called.
        async_variant: name of the function to await instead.
    """

    def __str__(self) -> str:
        return (
            f"{self.entry_point}() needs a thread, none can be started here, and the event loop that runs"
            f" on this thread cannot be entered twice; write `await {self.async_variant}(...)` instead"
        )


@dataclass(frozen=True)
class Problem:
    """One mistake in a workflow or in the inputs given to it.

    Attributes:
        file: the file as it was named by the caller, or ``<workflow text>``, or ``<steps>``.
        line: counted from 1; None when the workflow did not come as YAML.
        column: counted from 1, in characters; None when the workflow did not come as YAML.
        message: what is wrong, in one line.
        hint: what to write instead, or an empty string.
    """

    file: str
    line: int | None
    column: int | None
    message: str
    hint: str = ""

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}:{self.column}"
        text = f"{place}: {self.message}"
        return f"{text}; {self.hint}" if self.hint else text


class WorkflowError(AgentRuntimeError):
    """The workflow or its inputs are wrong. Holds every mistake that was found; no step has run.

    Attributes:
        problems: the mistakes, in the order in which they stand in the file.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(tuple(problems))
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class StepError(AgentRuntimeError):
    """A step failed for a reason that the runtime itself found.

    What a step's own code raises is not one of these: that exception comes out as it is.

    Attributes:
        step: id of the step, or None where the workflow's ``outputs`` were being made.
    """

    step: str | None


class ReferenceValueError(StepError, LookupError):
    """A ``${...}`` found nothing at its path, or a value that it cannot work with.

    Attributes:
        step: id of the step, or None in the workflow's ``outputs``.
        reference: the text between the braces.
        reason: what was found, and what could have been written.
        file: the workflow's file as it was named by the caller.
        line: where the reference stands, counted from 1; None when unknown.
        column: where the reference stands, counted from 1; None when unknown.
    """

    def __init__(
        self,
        step: str | None,
        reference: str,
        reason: str,
        file: str = "",
        line: int | None = None,
        column: int | None = None,
    ) -> None:
        super().__init__(step, reference, reason, file, line, column)
        self.step = step
        self.reference = reference
        self.reason = reason
        self.file = file
        self.line = line
        self.column = column

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}: " if self.line is not None else ""
        owner = "the workflow's outputs" if self.step is None else f"step '{self.step}'"
        return f"{place}${{{self.reference}}} in {owner} cannot be resolved: {self.reason}"


class StepTimeoutError(StepError, TimeoutError):
    """One attempt of a step took longer than the step's ``timeout`` and was cancelled.

    Attributes:
        step: id of the step.
        seconds: the limit that was passed.
    """

    def __init__(self, step: str, seconds: float) -> None:
        BaseException.__init__(self, step, seconds)  # OSError would take two arguments for errno and text
        self.step = step
        self.seconds = seconds

    def __str__(self) -> str:
        return f"step '{self.step}' took longer than its timeout of {self.seconds:g} s and was cancelled"


class LLMClientError(AgentRuntimeError, TypeError):
    """What was given as ``llm=`` is not an LLM client, or what it returned is not a mapping.

    Attributes:
        problem: what was found instead.
    """

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return (
            f"{self.problem}; an LLM client has one method, call_llm(messages, config, task_id,"
            " workflow_name, prompt_template, template_version, metadata), and it returns a mapping"
            " with 'content'; it may have a second one, stream_llm(), which yields text"
        )


class RuntimeClosedError(AgentRuntimeError):
    """A closed runtime was asked to run, or it was closed while a run was in progress.

    In the second case the ``__cause__`` is the ``CancelledError`` of the first step that was cut off.

    Attributes:
        workflow: name of the runtime's workflow.
        run_id: the run that was cancelled, or None if there is none.
    """

    def __init__(self, workflow: str, run_id: str | None = None) -> None:
        super().__init__(workflow, run_id)
        self.workflow = workflow
        self.run_id = run_id

    def __str__(self) -> str:
        name = self.workflow
        if self.run_id is not None:
            return f"run {self.run_id} of workflow '{name}' was cancelled, because its runtime was closed"
        return f"the runtime of workflow '{name}' is closed; make a new Runtime, or run before close()"
