"""What Runtime and Executor can do with runs that are kept."""

from __future__ import annotations

import contextvars
import functools
from collections.abc import AsyncGenerator, Generator
from typing import TYPE_CHECKING

from agent_runtime.bridge import OnRunningLoop, run_sync
from agent_runtime.errors import RunBusyError, RunCancelledError, RunEndedError
from agent_runtime.results.run_result import RunResult
from agent_runtime.runs.active import Request, checked_name
from agent_runtime.runs.program import Program
from agent_runtime.runs.streaming import stream, stream_async

if TYPE_CHECKING:
    from agent_runtime.results.events import StreamEvent

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

    def resume_stream(
        self,
        run_id: str,
        *,
        allow_changes: bool = False,
        timeout: float | None = None,
        context: contextvars.Context | None = None,
        on_running_loop: OnRunningLoop = "warn",
    ) -> Generator[StreamEvent, None, None]:
        """Go on with a run that is kept, and give its events as they come; each ``next()`` blocks.

        To :meth:`resume` what :meth:`stream` is to :meth:`run`. What had ended before is told first, once
        more. Nothing is done, and nobody asked for the run, until the first event is asked for.

        Args:
            run_id: the run's id.
            allow_changes: go on also if the workflow is another one than the run was begun with.
            timeout: seconds until the run is cancelled, the reader's own time included; None for no limit.
            context: whose context variables the steps see, each in a copy; by default the caller's as
                they are when this is called.
            on_running_loop: what to do where a loop runs in this thread: "warn" and "allow" block it,
                "raise" refuses.

        Returns:
            A generator of events, for one reader. It raises what :meth:`resume` raises.

        Raises:
            RuntimeClosedError: this runtime is closed.
            TypeError: an argument is of a wrong type.
            ValueError: there is no storage, or an argument has a value that it cannot have.
        """
        name = type(self).__name__
        return stream(
            self._program,
            None,
            timeout=timeout,
            context=context,
            on_running_loop=on_running_loop,
            names=(f"{name}.resume_stream", f"{name}.resume_stream_async"),
            request=_resuming(run_id, allow_changes=allow_changes),
        )

    def resume_stream_async(
        self,
        run_id: str,
        *,
        allow_changes: bool = False,
        timeout: float | None = None,
        context: contextvars.Context | None = None,
    ) -> AsyncGenerator[StreamEvent, None]:
        """Go on with a run on the running loop, and give its events as they come; blocks nothing.

        To :meth:`resume_stream` what :meth:`stream_async` is to :meth:`stream`.

        Args:
            run_id: the run's id.
            allow_changes: go on also if the workflow is another one than the run was begun with.
            timeout: seconds until the run is cancelled, the reader's own time included; None for no limit.
            context: whose context variables the steps see, each in a copy; by default the caller's as
                they are when this is called.

        Returns:
            An asynchronous generator of events, for one reader. It raises what :meth:`resume` raises.

        Raises:
            RuntimeClosedError: this runtime is closed.
            TypeError: an argument is of a wrong type.
            ValueError: there is no storage, or an argument has a value that it cannot have.
        """
        request = _resuming(run_id, allow_changes=allow_changes)
        return stream_async(self._program, None, limit=timeout, context=context, request=request)

    def cancel(
        self, run_id: str, *, allow_changes: bool = False, on_running_loop: OnRunningLoop = "warn"
    ) -> bool:
        """Cancel a run, from any thread, also from a step or a signal handler; what it has done is undone.

        A run in progress in this process is told at once and not waited for: its steps are cancelled and
        clean up, what has succeeded is compensated, and its caller gets :class:`RunCancelledError`, the
        reader of its stream too. A kept run that another process has in hand is told when that renews its
        lease. One that nobody has in hand is taken, and its compensations run as :meth:`run` would run
        them; this blocks the calling thread until they have ended.

        Args:
            run_id: the run's id; ``run(..., run_id=...)`` gives a run one that is known.
            allow_changes: undo also if the workflow is another one than the run was begun with.
            on_running_loop: what to do where a loop runs in this thread: "warn" and "allow" block it,
                "raise" refuses.

        Returns:
            True if the run has been cancelled, or will be; False if it had ended before, or if runs are not
            kept and there is none in progress.

        Raises:
            RunNotFoundError: runs are kept, and there is none of this id.
            WorkflowChangedError: there is something to undo, and the workflow is another one.
            StorageError: the storage has failed.
            RuntimeClosedError: this runtime is closed.
            CallerLoopError: an event loop runs in this thread and ``on_running_loop`` is "raise".
            TypeError: an argument is of a wrong type.
            ValueError: ``run_id`` is empty, too long, or not printable.
        """
        request = _resuming(run_id, allow_changes=allow_changes, cancels=True)
        is_found = self._program.runs.cancel(run_id)
        if self._program.durability is None:
            return is_found
        name = type(self).__name__
        names = (f"{name}.cancel", f"{name}.cancel_async")
        try:
            self._program.run(
                None, timeout=None, on_running_loop=on_running_loop, names=names, request=request
            )
        except (RunCancelledError, RunBusyError):
            return True
        except RunEndedError:
            return False
        return False

    async def cancel_async(self, run_id: str, *, allow_changes: bool = False) -> bool:
        """Cancel a run and undo what it has done; blocks nothing.

        The same as :meth:`cancel`, as :meth:`run_async` is to :meth:`run`.

        Args:
            run_id: the run's id.
            allow_changes: undo also if the workflow is another one than the run was begun with.

        Returns:
            True if the run has been cancelled, or will be; False if it had ended before, or if runs are not
            kept and there is none in progress.

        Raises:
            RunNotFoundError: runs are kept, and there is none of this id.
            WorkflowChangedError: there is something to undo, and the workflow is another one.
            StorageError: the storage has failed.
            RuntimeClosedError: this runtime is closed.
            TypeError: an argument is of a wrong type.
            ValueError: ``run_id`` is empty, too long, or not printable.
        """
        request = _resuming(run_id, allow_changes=allow_changes, cancels=True)
        is_found = self._program.runs.cancel(run_id)
        if self._program.durability is None:
            return is_found
        try:
            await self._program.run_async(None, limit=None, request=request)
        except (RunCancelledError, RunBusyError):
            return True
        except RunEndedError:
            return False
        return False

    def approve(
        self,
        run_id: str,
        step: str,
        *,
        decision: str = "approve",
        by: str = "",
        comment: str = "",
        on_running_loop: OnRunningLoop = "warn",
    ) -> None:
        """Decide on a step that waits for it; the run goes on when it is resumed. Blocks the calling thread.

        The storage's work is done on a worker thread. The first decision on a step stays.

        Args:
            run_id: the run's id; its status is "waiting".
            step: the step, as :attr:`RunResult.waiting` names it.
            decision: one of the step's options; after "reject" the step fails with ApprovalRejectedError.
            by: who has decided.
            comment: what is to be said about it.
            on_running_loop: what to do where a loop runs in this thread: "warn" and "allow" block it,
                "raise" refuses.

        Raises:
            RunNotFoundError: there is no run of this id.
            DecisionError: the step does not wait, has no such option, or was decided on in another way.
            StorageError: the storage has failed.
            CallerLoopError: an event loop runs in this thread and ``on_running_loop`` is "raise".
            TypeError: an argument is not a text.
            ValueError: runs are not kept, or ``run_id`` is empty, too long, or not printable.
        """
        name = type(self).__name__
        run_sync(
            functools.partial(self.approve_async, run_id, step, decision=decision, by=by, comment=comment),
            on_running_loop=on_running_loop,
            names=(f"{name}.approve", f"{name}.approve_async"),
        )

    async def approve_async(
        self, run_id: str, step: str, *, decision: str = "approve", by: str = "", comment: str = ""
    ) -> None:
        """Decide on a step that waits for it; blocks nothing.

        The same as :meth:`approve`.

        Args:
            run_id: the run's id; its status is "waiting".
            step: the step, as :attr:`RunResult.waiting` names it.
            decision: one of the step's options; after "reject" the step fails with ApprovalRejectedError.
            by: who has decided.
            comment: what is to be said about it.

        Raises:
            RunNotFoundError: there is no run of this id.
            DecisionError: the step does not wait, has no such option, or was decided on in another way.
            StorageError: the storage has failed.
            TypeError: an argument is not a text.
            ValueError: runs are not kept, or ``run_id`` is empty, too long, or not printable.
        """
        durability = self._program.durability
        if durability is None:
            raise ValueError("approve() needs runs that are kept; pass storage=SQLiteStorage(path), say")
        from agent_runtime.runs.durable import Decision

        made = Decision(step, decision, by, comment).checked()
        await durability.decide(checked_name("run_id", run_id), made)


def _resuming(run_id: object, *, allow_changes: object, cancels: bool = False) -> Request:
    name = checked_name("run_id", run_id)
    return Request(name, resumes=True, allow_changes=bool(allow_changes), cancels=cancels)
