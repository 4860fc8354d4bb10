"""What is kept of one run while it goes on, and what had been kept of it before it was resumed.

Every step writes down how it has ended before its task ends, so before anything that waits for it begins.
In a resumed run a step that is found here is not done again: it ends at once as it had ended.
"""

from __future__ import annotations

import asyncio
import functools
import json
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, NamedTuple

from agent_runtime.engine.plan import PlainRun, StepPlan, Undo
from agent_runtime.engine.step_run import StepRun
from agent_runtime.engine.steps import Surroundings, Trace
from agent_runtime.outcomes import Outcome
from agent_runtime.results.run_result import StepFault, StepState
from agent_runtime.storage.encoding import encode, restored
from agent_runtime.storage.protocol import Entry

__all__ = ("Journal", "Write", "cancellation", "is_undone")

Write = Callable[[Callable[[], tuple[Entry, object]]], Awaitable[tuple[Outcome[object], bool]]]
"""Makes an entry and keeps it, both on another thread; returns the value that goes with it, and whether
the waiting task was cancelled meanwhile, which ends no write."""

ENDED, ATTEMPT, FAILED, UNDOING = "ended", "attempt", "failed", "undoing"
"""Kinds of entries: a step has ended; a step with steps inside begins a further attempt, and what those in it
had come to counts no more; a step has failed for good, and its fallback follows; what has succeeded inside a
step, or in the run, is being undone."""

_EXCHANGE = '{"exchange": '
"""How the data of a step begins that has added to a conversation of its run."""

Fault = tuple[str, str]


class _Ended(NamedTuple):
    """How a step had ended.

    Attributes:
        order: counts up from one ended step to the next.
        data: JSON; None if it has ended since this run was begun or resumed.
    """

    order: int
    data: str | None


class Journal:
    """What is kept of one run; on its loop only.

    Args:
        entries: what had been kept before.
        write: keeps more.
        decisions: what has been decided, by step.

    Attributes:
        paused: the run stops where it stands, to be resumed: nothing is undone.
        broken: why nothing more can be kept, if that is so.
    """

    def __init__(
        self, entries: Iterable[Entry], write: Write, decisions: Mapping[str, Mapping[str, object]]
    ) -> None:
        self._write = write
        self._decisions = decisions
        self._ended: dict[str, _Ended] = {}
        self._count = 0
        self._attempts: dict[str, int] = {}
        self._failed: dict[str, Fault] = {}
        self._undoing: dict[str, Fault] = {}
        self.paused = False
        self.broken = False
        self._exchanges: list[dict[str, Any]] = []
        for entry in entries:
            self._read(entry)

    def _read(self, entry: Entry) -> None:
        if entry.kind == ENDED:
            self._note_end(entry.step, entry.data)
            if entry.data.startswith(_EXCHANGE):
                self._exchanges.append(json.loads(entry.data)["exchange"])
        elif entry.kind == ATTEMPT:
            self._begin_anew(entry.step, int(entry.data))
        else:
            marks = self._failed if entry.kind == FAILED else self._undoing
            error_type, error = json.loads(entry.data)
            marks[entry.step] = (error_type, error)

    def _note_end(self, step: str, data: str | None) -> None:
        self._count += 1
        self._ended[step] = _Ended(self._count, data)

    def _begin_anew(self, step: str, attempt: int) -> None:
        """Forget what has happened inside a step."""
        self._attempts[step] = attempt
        self._undoing.pop(step, None)
        inside = (f"{step}.", f"{step}[", f"{step}:")
        for known in (self._ended, self._attempts, self._failed, self._undoing):
            for path in [path for path in known if path.startswith(inside)]:
                del known[path]

    def within(self, around: Surroundings) -> Surroundings:
        """Return what the run's steps share, with this in it, and its conversations as they were."""
        if around.conversations is not None:
            around.conversations.restore(self._exchanges)
        return around._replace(journal=self)

    def close(self) -> None:
        """Keep nothing more, and lead nowhere."""
        self._write = _refuse

    def has_ended(self, step: str) -> bool:
        """Whether a step had ended before the run was resumed."""
        ended = self._ended.get(step)
        return ended is not None and ended.data is not None

    def attempts(self, step: str) -> int:
        """Return how many attempts of a step with steps inside are over."""
        return self._attempts.get(step, 1) - 1

    def failure_of(self, step: str) -> Fault | None:
        """Return why a step had failed for good, if it had."""
        return self._failed.get(step)

    def undoing(self, step: str | None) -> Fault | None:
        """Return why what has succeeded inside a step is being undone, if it is; None for the run."""
        return self._undoing.get(step or "")

    def decision(self, step: str) -> Mapping[str, object] | None:
        """Return what has been decided on a step, if it has been."""
        return self._decisions.get(step)

    def order_of(self, step: str) -> int:
        """Return a number that counts up from one ended step to the next."""
        ended = self._ended.get(step)
        return -1 if ended is None else ended.order

    async def begin_attempt(self, step: str, attempt: int) -> None:
        """Keep that a step with steps inside is tried once more.

        Raises:
            CancelledError: this was cancelled, or it cannot be kept.
        """
        if attempt > self._attempts.get(step, 1):
            await self._mark(ATTEMPT, step, str(attempt))
            self._begin_anew(step, attempt)

    async def begin_fallback(self, step: str, fault: Fault) -> None:
        """Keep that a step has failed for good.

        Raises:
            CancelledError: this was cancelled, or it cannot be kept.
        """
        if step not in self._failed:
            await self._mark(FAILED, step, json.dumps(fault))
            self._failed[step] = fault

    async def kept(
        self, run: Trace, inside: str | None, because: Mapping[str, object] | None
    ) -> Outcome[object]:
        """Do a step and keep how it has ended; if that had been kept before, do nothing.

        Args:
            run: the step.
            inside: the step that it stands inside, if it does.
            because: why things are being undone, if it undoes one.
        """
        assert isinstance(run, PlainRun)
        told = run.told or run.feed is None
        ended = self._ended.get(run.step)
        known = None if ended is None or ended.data is None else json.loads(ended.data)
        if known is not None and _can_be_taken_over(run, known):
            if not told and run.feed is not None:
                run.feed.step_started(run.step)
                run.told = True
            return _taken_over(run, known)
        try:
            if because is not None and (inside or "") not in self._undoing:
                fault = str(because["type"]), str(because["message"])
                await self._mark(UNDOING, inside or "", json.dumps(fault))
                self._undoing[inside or ""] = fault
            if self.broken:
                raise asyncio.CancelledError
        except asyncio.CancelledError as error:
            return Outcome(error=error)
        work, tracing = run.outcome() if told else run.announced(), run.around.tracing
        outcome = await (work if tracing is None else tracing.step(run, work))
        if outcome.error is not None:
            return outcome
        if known is not None:
            _restore(run, known)
            return outcome
        return await self._keep(run, outcome)

    async def _keep(self, run: PlainRun, outcome: Outcome[object]) -> Outcome[object]:
        run.ended = time.time()
        kept, run.was_saving = await self._write(functools.partial(_entry_of, run, outcome.value))
        if kept.error is None:
            self._note_end(run.step, None)
            conversations = run.around.conversations
            if conversations is not None and run.exchange is not None and _has_said_it(run):
                conversations.add(run.exchange)
        return kept

    async def _mark(self, kind: str, step: str, data: str) -> None:
        kept, cancelled = await self._write(lambda: (Entry(kind, step, data), None))
        if cancelled or kept.take_error() is not None:
            raise asyncio.CancelledError


async def _refuse(_make: Callable[[], tuple[Entry, object]]) -> tuple[Outcome[object], bool]:
    return Outcome(error=asyncio.CancelledError()), True


def cancellation(run_id: str) -> Entry:
    """Return what says of a whole run that it is being undone, because it has been cancelled."""
    return Entry(UNDOING, "", json.dumps(("RunCancelledError", f"run {run_id} was cancelled")))


def is_undone(entries: Iterable[Entry]) -> bool:
    """Whether a whole run has been undone, or was about to be."""
    return any(entry.kind == UNDOING and not entry.step for entry in entries)


def _entry_of(run: PlainRun, output: object) -> tuple[Entry, object]:
    """Return what is to be kept of a step, and its output as it will come back.

    Raises:
        NotStorableError: JSON cannot express the output.
    """
    text, back = restored(output, step=run.step, place="output")
    about = {
        "state": run.state,
        "attempts": run.attempts,
        "started": run.started,
        "ended": run.ended,
        "thread": run.thread,
        "usage": run.usage,
        "faults": run.faults,
    }
    rest = f'"output": {text}, "about": {json.dumps(about, default=str)}}}'
    if run.exchange is None or not _has_said_it(run):
        return Entry(ENDED, run.step, "{" + rest), back
    exchange = encode(run.exchange._asdict(), step=run.step, place="exchange")
    return Entry(ENDED, run.step, f"{_EXCHANGE}{exchange}, {rest}"), back


def _has_said_it(run: PlainRun) -> bool:
    """Whether what a step wanted to add to a conversation counts: not where an attempt answered too late."""
    return run.state is StepState.SUCCEEDED


def _can_be_taken_over(run: PlainRun, known: Mapping[str, Mapping[str, object]]) -> bool:
    """Whether a step need not be done, because all that it leaves behind is known.

    What undoes the steps inside it is not: for that it is gone through once more, and they are taken over.
    """
    state = StepState(str(known["about"]["state"]))
    if not isinstance(run, StepRun):
        return state is StepState.SUCCEEDED
    if state in (StepState.SKIPPED, StepState.FAILED):
        return True
    return not _undoes_inside(run.plan, None if state is StepState.SUCCEEDED else run.plan.fallback)


def _undoes_inside(plan: StepPlan, fallback: StepPlan | None) -> bool:
    """Whether anything undoes a step inside this one, or inside the fallback that it may have come to."""
    steps = plan.block.steps if plan.block is not None else ()
    inside = [each for each in (plan.body, fallback, *steps) if each is not None]
    return bool(plan.callee) or any(
        each.compensate is not None or _undoes_inside(each, each.fallback) for each in inside
    )


def _taken_over(run: PlainRun, known: dict[str, dict[str, object]]) -> Outcome[object]:
    """Let a step have ended as it had; return its output."""
    _restore(run, known)
    output = known["output"]
    compensate = run.plan.compensate
    if isinstance(run, StepRun) and compensate is not None and run.state is StepState.SUCCEEDED:
        run.undo += (Undo(compensate, run.step, run.values, output, run.around),)
    return Outcome(output)


def _restore(run: PlainRun, known: Mapping[str, Mapping[str, object]]) -> None:
    about = known["about"]
    attempts, started, ended, thread, usage, faults = (
        about[name] for name in ("attempts", "started", "ended", "thread", "usage", "faults")
    )
    assert isinstance(attempts, int)
    assert isinstance(started, float)
    assert isinstance(ended, float)
    assert isinstance(faults, list)
    run.attempts, run.started, run.ended = attempts, started, ended
    run.thread = None if thread is None else str(thread)
    run.usage = usage if isinstance(usage, dict) else None
    if isinstance(run, StepRun):
        run.state = StepState(str(about["state"]))
        run.faults = tuple(StepFault(*fault) for fault in faults)
