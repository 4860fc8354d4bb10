"""Steps that run at the same time as tasks of one loop: the first failure cancels the others.

Each step is a task of its own, so that it has its own copy of the context. A task never raises:
asyncio would let a SystemExit through the loop, and put its own mark on other exceptions. When all of
them have cleaned up after a failure, what has succeeded is undone, the latest first.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import types
from collections.abc import Coroutine, Generator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from agent_runtime.engine.plan import PlainRun, Undo
from agent_runtime.engine.steps import Overrun, Surroundings
from agent_runtime.engine.suspension import Waiting
from agent_runtime.errors import RecordedFailureError
from agent_runtime.outcomes import Outcome, capture, traceback_of
from agent_runtime.results.run_result import Question
from agent_runtime.results.usage import total

if TYPE_CHECKING:
    from agent_runtime.engine.event_buffer import Feed

__all__ = ("Crew",)

T = TypeVar("T")

_log = logging.getLogger("agent_runtime")

StepTask = asyncio.Task[Outcome[object] | None]

MAX_LOGGED = 10
"""Failures of one run that are logged one by one, beside the one that comes out; the others are counted."""

_UNDO = -1
"""In the place of a step's number: what is in progress undoes one."""


@types.coroutine
def _turn() -> Generator[None, None, None]:
    """Wait until the loop has begun the task."""
    yield


class Crew(Generic[T]):
    """The steps in progress, of a run or inside one step; only their own tasks and callbacks touch this.

    Args:
        around: what the steps share.
        feed: where their events go, if anybody reads them.
        context: whose variables the steps see; by default those of the one that makes this.
        step: the step that they stand inside, if they do.
    """

    def __init__(
        self,
        around: Surroundings,
        feed: Feed | None,
        *,
        context: contextvars.Context | None = None,
        step: str | None = None,
    ) -> None:
        self._around = around
        self._feed = feed
        self._inside = step
        self._loop = asyncio.get_running_loop()
        self._context = contextvars.copy_context() if context is None else context.copy()
        self._running: dict[PlainRun, tuple[int, StepTask]] = {}
        self._quiet: asyncio.Future[None] = self._loop.create_future()
        self._failure: Outcome[T] | None = None
        self._result: Outcome[T] | None = None
        self._overrun: Overrun | None = None  # there is one from the moment that the run is being stopped
        self._cancelled: set[PlainRun] = set()
        self._closed = False
        self._lost = 0
        self._why: Mapping[str, object] | None = None  # something is being undone, because of this
        self.undo: list[Undo] = []
        self.usage: Mapping[str, object] | None = None
        self._doomed: tuple[str, str] | None = None
        self._questions: dict[str, Question] = {}  # what is asked, by the step that waits for the answer

    @property
    def _may_batch(self) -> bool:
        """Whether plain functions may be called one right after another: nobody looks at each of them."""
        around = self._around
        watched = self._feed is not None or around.journal is not None or around.tracing is not None
        return not watched and around.secrets is None

    def _begin(self) -> None:
        """Start what can start."""
        raise NotImplementedError

    def _succeeded(self, number: int, run: PlainRun, value: object) -> None:
        """Note what a step has given."""
        raise NotImplementedError

    def _go_on(self, number: int) -> None:
        """Start what can start now that this step has ended."""
        raise NotImplementedError

    def _make_result(self) -> T:
        """Return what all of it comes to."""
        raise NotImplementedError

    def _pass_over(self) -> None:
        """Start what has waited for room, now that a step is held up and what depends on it cannot start."""

    def _wait(self, questions: Mapping[str, Question]) -> None:
        """Note what it comes to that nothing can be done but wait."""
        self._failure = Outcome(error=Waiting(questions))

    def _is_over(self) -> bool:
        """Whether nothing is left to start, when nothing is in progress."""
        return True

    async def work(self) -> Outcome[T]:
        """Do all of it, as part of a step.

        Raises:
            CancelledError: the step was cancelled; everything has been cancelled and has cleaned up.
        """
        self._look_up()
        self._begin()
        if not self._running:
            self._rest()
        return self._conclude(await self._until_quiet())

    def _look_up(self) -> None:
        """Find out whether this had failed before the run was resumed.

        If so, what there is to undo is undone, and nothing else done.
        """
        journal = self._around.journal
        self._doomed = None if journal is None else journal.undoing(self._inside)

    def _conclude(self, cancelled: Outcome[None]) -> Outcome[T]:
        """Return what it came to, or raise the cancellation that came from outside."""
        failure, self._failure = self._failure, None
        if cancelled.error is not None:
            if failure is not None and not self._closed:
                self._log_lost("a step", failure.error)
            cancelled.unwrap()
        if failure is not None:
            return failure
        assert self._result is not None
        return self._result

    async def _until_quiet(self) -> Outcome[None]:
        """Wait for the end of all steps; remember the first cancellation from outside and pass it on."""
        cancelled: Outcome[None] = Outcome()
        try:
            while self._running:
                try:
                    await self._quiet
                except asyncio.CancelledError as error:
                    if cancelled.error is None:  # some hosts cancel again at each turn of the loop
                        cancelled.error = error
                    self._quiet = self._loop.create_future()  # the old one is cancelled now
                    self._interrupt()
        except GeneratorExit:
            if not self._loop.is_closed():
                self._interrupt()  # nothing can be awaited any more; the tasks may still be driven
            raise
        finally:
            self._end_reports()
        return cancelled

    def _interrupt(self) -> None:
        """Stop because of a cancellation from outside; what is being undone goes on."""
        if self._why is None:
            self._stop()
            if not self._running:
                self._rest()

    def _end_reports(self) -> None:
        """Report nothing more of what went on after a cancellation, but the number of what was not told."""
        if self._overrun is not None:
            self._overrun.end()
        if self._lost > MAX_LOGGED:
            _log.error(
                "workflow '%s': %d more steps failed as well while the run was being stopped",
                *(self._around.workflow_name, self._lost - MAX_LOGGED),
            )

    def _launch(self, number: int, run: PlainRun, name: str) -> None:
        """Give a step its task."""
        work = self._see_through(run)
        work.send(None)  # into its try block: a task that is cancelled before it begins is settled, too
        # Each task copies the run's context: steps start in tasks and callbacks, whose own one is not the
        # caller's. Not by arguments of create_task(): a host's task factory may be older than these.
        task = self._context.run(self._loop.create_task, work)
        task.set_name(name)
        self._running[run] = (number, task)
        if task.done():  # a host's task factory begins tasks at once
            task.add_done_callback(partial(self._on_done, run), context=self._context.copy())

    async def _see_through(self, run: PlainRun) -> Outcome[object] | None:
        """Do a step and settle it: so what waits for it starts at once, and not in the loop's next round.

        Returns:
            Its outcome, if it has ended in the middle of ``_launch()`` and is not to be settled there.
        """
        try:
            await _turn()
            outcome = await self._work_of(run)
        except BaseException as error:  # noqa: BLE001 - a cancellation before the turn; a signal handler's
            outcome = Outcome(error=error)
        if run not in self._running:
            return outcome
        if not self._loop.is_closed():  # else it is the collector that ends this
            self._finish(run, outcome)
        return None

    def _on_done(self, run: PlainRun, task: StepTask) -> None:
        self._finish(run, task.result() or Outcome())

    def _work_of(self, run: PlainRun) -> Coroutine[Any, Any, Outcome[object]]:
        journal, tracing = self._around.journal, self._around.tracing
        if journal is not None:
            return journal.kept(run, self._inside, self._why)
        work = run.outcome() if run.told or self._feed is None else run.announced()
        return work if tracing is None else tracing.step(run, work)

    def _is_shut(self, path: str) -> bool:
        """Whether a step may not begin: it has not ended in a run that failed before it was resumed."""
        journal = self._around.journal
        return self._doomed is not None and journal is not None and not journal.has_ended(path)

    def _finish(self, run: PlainRun, outcome: Outcome[object]) -> None:
        """Settle a step; an exception here, a KeyboardInterrupt say, must not leave the run waiting."""
        try:
            self._settle(run, outcome)
        except BaseException as error:  # noqa: BLE001 - it comes out of the run
            self._end_with(error, "the runtime")
        if not self._running:
            self._rest()

    def _rest(self) -> None:
        """See what is left, now that nothing is in progress."""
        journal = self._around.journal
        if self._overrun is None and self._doomed is not None:
            self._end_with(RecordedFailureError(*self._doomed), "the runtime")
        elif self._overrun is None and self._questions and self._is_over():
            self._wait(self._questions)
        elif self._overrun is None and self._is_over():
            self._result = capture(self._make_result)
            error = self._result.take_error()
            if error is not None:
                self._end_with(error, "the runtime")
        if self._overrun is not None and self.undo and not (journal is not None and journal.paused):
            self._undo_latest(self._overrun)
        else:
            self._fall_quiet()

    def _fall_quiet(self) -> None:
        """Let the run end, or go on: nothing of it is in progress at this moment."""
        if not self._quiet.done():
            self._quiet.set_result(None)

    def _undo_latest(self, overrun: Overrun) -> None:
        if self._why is None:
            overrun.end()
            cause = None if self._failure is None else self._failure.error
            type_, message = self._around.texts_of(asyncio.CancelledError() if cause is None else cause)
            self._why = {"type": type_, "message": message}
            if self._around.journal is not None:
                order_of = self._around.journal.order_of
                self.undo.sort(key=lambda undo: order_of(undo.path))
        run = self.undo.pop().run(self._why, self._feed)
        self._launch(_UNDO, run, f"agent_runtime step {run.step}")

    def _stop(self) -> None:
        """Cancel what is in progress, each step once, however often; nothing more is started."""
        if self._overrun is None:
            around = self._around
            self._overrun = Overrun(self._loop, around.workflow_name, self._going_on, around.overran)
        fresh = ((run, task) for run, (_, task) in self._running.items() if run not in self._cancelled)
        self._cancelled.update(tuple(run for run, task in fresh if task.cancel()))

    def _going_on(self) -> Sequence[str]:
        return [run.step for run in self._running]

    def _settle(self, run: PlainRun, outcome: Outcome[object]) -> None:
        """Note how a step ended, and start the steps that waited for nothing else."""
        number, _ = self._running.pop(run)
        number = run.number(number)
        if run.usage is not None:
            self.usage = total(self.usage, run.usage)
        stopped = self._overrun is not None and self._why is None
        if isinstance(outcome.error, Waiting) and number != _UNDO:
            self._questions.update(outcome.error.questions)
            outcome.take_error()
            if self._overrun is None:
                self._pass_over()
        elif outcome.error is not None:
            if run.told:
                run.tell_end(outcome, stopped=stopped)
            self._settle_failure(number, run, outcome)
        elif number != _UNDO:
            if run.undo:
                self.undo += run.undo
            self._succeeded(number, run, outcome.value)
            if self._overrun is None:
                self._go_on(number)
            elif run in self._cancelled and not run.was_saving:
                self._overrun.swallowed(run.step)
        else:
            run.tell_end(outcome, stopped=stopped)

    def _settle_failure(self, number: int, run: PlainRun, outcome: Outcome[object]) -> None:
        error = outcome.take_error()
        assert error is not None
        if number != _UNDO:
            self._end_with(error, f"step '{run.step}'")
            return
        _log.error(
            "workflow '%s': step '%s' failed; what it was to undo may not be undone",
            *(self._around.workflow_name, run.step),
            exc_info=(type(error), error, traceback_of(error)),
        )

    def _end_with(self, error: BaseException, who: str) -> None:
        """Keep the first failure and cancel the other steps; their own failures can only be logged."""
        if self._overrun is None:
            if self._around.journal is not None and isinstance(error, KeyboardInterrupt | SystemExit):
                self._around.journal.paused = True  # not the step's own failure: the process is to end
            self._failure = Outcome(error=error)
            self._stop()
        elif not isinstance(error, asyncio.CancelledError):
            self._log_lost(who, error)
        elif self._closed and self._failure is not None and self._failure.error is not None:
            before = self._failure.error.__cause__
            if before is None or traceback_of(before) is None:  # it shows where the step stood
                self._failure.error.__cause__ = error

    def _log_lost(self, who: str, error: BaseException | None) -> None:
        """Log a failure that cannot come out, because an earlier one or a cancellation does."""
        if error is None or isinstance(error, asyncio.CancelledError):
            return  # a step may hear of the cancellation before the run does
        self._lost += 1
        if self._lost > MAX_LOGGED:
            return
        _log.error(
            "workflow '%s': %s failed as well while %s was being stopped",
            self._around.workflow_name,
            who,
            "the run" if self._inside is None else f"step '{self._inside}'",
            exc_info=(type(error), error, traceback_of(error)),
        )
