"""What goes wrong with a run as a whole: it cannot be kept, or not be started, resumed or gone on with."""

from __future__ import annotations

from agent_runtime.errors.base import AgentRuntimeError
from agent_runtime.errors.workflows import StepError

__all__ = (
    "ApprovalRejectedError",
    "DecisionError",
    "IdempotencyError",
    "LeaseLostError",
    "NotStorableError",
    "RecordedFailureError",
    "RunBusyError",
    "RunCancelledError",
    "RunConflictError",
    "RunEndedError",
    "RunExistsError",
    "RunNotFoundError",
    "StorageError",
    "WorkflowChangedError",
)


class StorageError(AgentRuntimeError):
    """What keeps the runs has failed, or cannot be used; its own exception is the ``__cause__``.

    A run that meets it stops: nothing of it may go on that is not kept. It can be resumed.

    Attributes:
        storage: which storage, as it shows itself.
        problem: what has happened, and what to do about it.
    """

    def __init__(self, storage: str, problem: str) -> None:
        super().__init__(storage, problem)
        self.storage = storage
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.storage}: {self.problem}"


class LeaseLostError(StorageError):
    """A run went on elsewhere, because its runner had not renewed its lease in time; here it has stopped.

    Attributes:
        run_id: the run.
    """

    def __init__(self, storage: str, run_id: str) -> None:
        AgentRuntimeError.__init__(self, storage, run_id)
        self.storage = storage
        self.run_id = run_id
        self.problem = (
            f"the lease on run {run_id} was not renewed in time, and others may have gone on with the run;"
            " here it has stopped, and what was in progress may be done once more there"
        )


class NotStorableError(StepError, TypeError):
    """A value has to be kept, and JSON cannot express it.

    Attributes:
        step: id of the step that returned it, or None if it is an input or an output of the workflow.
        place: where in the value it was found: ``output['items'][3]``, say.
        reason: what was found there.
    """

    def __init__(self, step: str | None, place: str, reason: str) -> None:
        super().__init__(step, place, reason)
        self.step = step
        self.place = place
        self.reason = reason

    def __str__(self) -> str:
        whose = "a value" if self.step is None else f"the output of step '{self.step}'"
        return (
            f"{whose} cannot be stored: {self.place} {self.reason}; give texts, numbers, booleans, null,"
            " lists, and mappings with texts as keys"
        )


class ApprovalRejectedError(StepError):
    """Somebody has rejected what an ``approval`` step asked for.

    Attributes:
        step: id of the step.
        by: who has decided, if that was said.
        comment: what was said about it.
    """

    def __init__(self, step: str, by: str = "", comment: str = "") -> None:
        super().__init__(step, by, comment)
        self.step = step
        self.by = by
        self.comment = comment

    def __str__(self) -> str:
        return (
            f"step '{self.step}' was rejected"
            + (f" by {self.by}" if self.by else "")
            + (f": {self.comment}" if self.comment else "")
        )


class RecordedFailureError(AgentRuntimeError):
    """A run failed before it was resumed; what is left of the exception are its texts.

    Attributes:
        error_type: name of the exception's class.
        error: the exception as text.
    """

    def __init__(self, error_type: str, error: str) -> None:
        super().__init__(error_type, error)
        self.error_type = error_type
        self.error = error

    def __str__(self) -> str:
        return f"this had failed before the run was resumed: {self.error_type}: {self.error}"


class RunCancelledError(AgentRuntimeError):
    """A run was cancelled by ``cancel()``; where it was in progress, its steps have cleaned up.

    Attributes:
        run_id: the run.
        workflow: name of its workflow.
    """

    def __init__(self, run_id: str, workflow: str) -> None:
        super().__init__(run_id, workflow)
        self.run_id = run_id
        self.workflow = workflow

    def __str__(self) -> str:
        return f"run {self.run_id} of workflow '{self.workflow}' was cancelled"


class RunConflictError(AgentRuntimeError):
    """A run cannot be started, resumed or decided on as it stands.

    Attributes:
        run_id: the run.
    """

    run_id: str


class _RunError(RunConflictError):
    """What several errors have in common: the id of a run, and what is the matter with it."""

    def __init__(self, run_id: str, detail: str = "") -> None:
        super().__init__(run_id, detail)
        self.run_id = run_id
        self.detail = detail


class RunNotFoundError(_RunError, LookupError):
    """There is no run of this id.

    Attributes:
        run_id: what was asked for.
        detail: where it was looked for.
    """

    def __str__(self) -> str:
        return f"there is no run {self.run_id!r} in {self.detail}"


class RunExistsError(_RunError):
    """A run of this id is there already.

    Attributes:
        run_id: the id.
        detail: where it is, or what it does.
    """

    def __str__(self) -> str:
        return f"run {self.run_id!r} exists already, {self.detail}; resume() it, or give another run_id"


class RunBusyError(_RunError):
    """Somebody else has this run in hand, or it would wait for itself.

    Attributes:
        run_id: the run.
        detail: who has it in hand.
    """

    def __str__(self) -> str:
        return f"run {self.run_id!r} is in progress: {self.detail}"


class RunEndedError(_RunError):
    """This run has come to its end, and cannot go on.

    Attributes:
        run_id: the run.
        detail: how it has ended.
    """

    def __str__(self) -> str:
        return f"run {self.run_id!r} cannot go on: {self.detail}; start a new one"


class WorkflowChangedError(_RunError):
    """A run was begun with another version of its workflow than the one that is to go on with it.

    Attributes:
        run_id: the run.
        detail: which workflows these are.
    """

    def __str__(self) -> str:
        return (
            f"run {self.run_id!r} cannot be resumed: {self.detail}; resume it with the workflow that it was"
            " begun with, or pass allow_changes=True if its finished steps mean the same in this one"
        )


class DecisionError(_RunError):
    """A decision does not fit the run that it is about.

    Attributes:
        run_id: the run.
        detail: what does not fit.
    """

    def __str__(self) -> str:
        return f"run {self.run_id!r}: {self.detail}"


class IdempotencyError(_RunError):
    """An idempotency key was used again with other inputs.

    Attributes:
        run_id: the run that has the key.
        detail: the key.
    """

    def __str__(self) -> str:
        return (
            f"the idempotency key {self.detail!r} belongs to run {self.run_id!r}, which has other inputs;"
            " give the same inputs, or another key"
        )
