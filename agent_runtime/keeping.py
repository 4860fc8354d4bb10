"""What Runtime and Executor can do with runs that are kept."""

from __future__ import annotations

from agent_runtime.bridge import OnRunningLoop
from agent_runtime.program import Program
from agent_runtime.results import RunResult
from agent_runtime.runs import Request, checked_name

__all__ = ("KeepsRuns",)


class KeepsRuns:
    """Goes on with runs; what has a program inherits this."""

    _program: Program

    def resume(
        self,
        run_id: str,
        *,
        allow_changes: bool = False,
        timeout: float | None = None,
        on_running_loop: OnRunningLoop = "warn",
    ) -> RunResult:
        """Go on with a run that is kept, and return its result; blocks the calling thread.

        A step that has ended is not done again: its output is taken from the storage. All else is as in
        :meth:`run`, of which this is the second half. A run that has succeeded is not touched: its result is
        returned once more. One that has failed begins again with the step that failed, unless what had
        succeeded has been undone.

        Args:
            run_id: the run's id.
            allow_changes: go on also if the workflow is another one than the run was begun with. Steps
                are told apart by their ids: what has ended under an id counts for the step of that id.
            timeout: seconds until the run is cancelled; None for no limit. It can be resumed then.
            on_running_loop: what to do where a loop runs in this thread: "warn" and "allow" block it,
                "raise" refuses.

        Returns:
            Outputs, and a record of every step.

        Raises:
            RunNotFoundError: there is no run of this id.
            RunBusyError: somebody else has it in hand; nobody is waited for.
            RunEndedError: it has failed and has been undone.
            RunCancelledError: it has been cancelled.
            WorkflowChangedError: it was begun with another version of the workflow.
            StorageError: the storage has failed; the run has stopped, and can be resumed.
            StepError: a step failed for a reason that the runtime found.
            RuntimeClosedError: this runtime is closed, or was closed meanwhile.
            CallerLoopError: an event loop runs in this thread and ``on_running_loop`` is "raise".
            TimeoutError: the time was up; the run has been stopped.
            TypeError: an argument is of a wrong type.
            ValueError: there is no storage, or an argument has a value that it cannot have.
            BaseException: whatever a step raised, the object itself.
        """
        __tracebackhide__ = True
        name = type(self).__name__
        return self._program.run(
            None,
            timeout=timeout,
            on_running_loop=on_running_loop,
            names=(f"{name}.resume", f"{name}.resume_async"),
            request=_resuming(run_id, allow_changes=allow_changes),
        )

    async def resume_async(
        self,
        run_id: str,
        *,
        allow_changes: bool = False,
        timeout: float | None = None,  # noqa: ASYNC109 - the same signature as the sync entry point
    ) -> RunResult:
        """Go on with a run on the running loop and return its result; blocks nothing.

        The same as :meth:`resume`, as :meth:`run_async` is to :meth:`run`.

        Args:
            run_id: the run's id.
            allow_changes: go on also if the workflow is another one than the run was begun with.
            timeout: seconds until the run is cancelled; None for no limit. It can be resumed then.

        Returns:
            Outputs, and a record of every step.

        Raises:
            RunNotFoundError: there is no run of this id.
            RunBusyError: somebody else has it in hand; nobody is waited for.
            RunEndedError: it has failed and has been undone.
            RunCancelledError: it has been cancelled.
            WorkflowChangedError: it was begun with another version of the workflow.
            StorageError: the storage has failed; the run has stopped, and can be resumed.
            StepError: a step failed for a reason that the runtime found.
            RuntimeClosedError: this runtime is closed, or was closed meanwhile.
            TimeoutError: the time was up; the run has been stopped.
            TypeError: an argument is of a wrong type.
            ValueError: there is no storage, or an argument has a value that it cannot have.
            BaseException: whatever a step raised, the object itself.
        """
        __tracebackhide__ = True
        request = _resuming(run_id, allow_changes=allow_changes)
        return await self._program.run_async(None, limit=timeout, request=request)


def _resuming(run_id: object, *, allow_changes: object) -> Request:
    return Request(checked_name("run_id", run_id), resumes=True, allow_changes=bool(allow_changes))
