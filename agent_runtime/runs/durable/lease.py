"""One kept run in hand: taken, written down while it goes on, and given back."""

from __future__ import annotations

import asyncio
import functools
import logging
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self, cast

from agent_runtime.engine.journal import Journal
from agent_runtime.errors import LeaseLostError, RecordedFailureError, RunCancelledError, StorageError
from agent_runtime.outcomes import Outcome
from agent_runtime.results.run_result import RunResult
from agent_runtime.runs.active import Request, Run, Stop
from agent_runtime.runs.durable.claim import CANCEL, Opening
from agent_runtime.runs.durable.decisions import decisions_in
from agent_runtime.runs.durable.durability import Durability
from agent_runtime.runs.durable.results import failure_text, result_text
from agent_runtime.storage.protocol import Entry, RunState
from agent_runtime.storage.worker import StorageLane

__all__ = ("Keeper",)

_log = logging.getLogger("agent_runtime")

_RENEWALS = 3
"""Times that a lease is renewed in the time that it lasts; so one may fail, and be late."""


class Keeper:
    """A run in hand, as ``async with``: entering takes it, leaving gives it back.

    Args:
        durability: where it is kept.
        run: the call that wants it.
        inputs: those of a new run.
        request: what is wanted.
        texts_of: makes texts of an exception, without secrets.

    Attributes:
        result: what the run had come to before; None if it is to be done, or gone on with.
        inputs: the run's inputs, as they will come back.
        journal: what its steps write down and read.
        is_left: whether the reader of a stream has left between two events, where things can be awaited.
    """

    result: RunResult | None
    inputs: Mapping[str, object]
    journal: Journal

    def __init__(
        self,
        durability: Durability,
        run: Run,
        inputs: Mapping[str, object],
        request: Request,
        texts_of: Callable[[BaseException], tuple[str, str]],
    ) -> None:
        self._opening = Opening(durability, run, inputs, request)
        self._storage = durability.storage
        self._workflow = durability.workflow.name
        self._run = run
        self._texts_of = texts_of
        self._stop: Stop | None = None
        self._error: BaseException | None = None
        self._has_it = False
        self.is_left = False
        self._timer: asyncio.TimerHandle | None = None
        self._renewal: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Take the run in hand.

        Raises:
            RunConflictError: it cannot be had, or not gone on with.
            RunCancelledError: it has been cancelled.
            StorageError: the storage has failed.
        """
        self._lane = StorageLane(self._storage, f"run {self._run.id}")
        await self._lane.__aenter__()
        try:
            taken = await self._opening.take(self._lane)
        except BaseException:
            await self._lane.__aexit__(None, None, None)
            raise
        self.result, self.inputs = taken.result, taken.inputs
        self.journal = Journal(taken.entries, self._write, decisions_in(taken.notes))
        self._has_it = self.result is None
        self._is_cancelled = taken.is_cancelled
        self._until = time.monotonic() + self._storage.lease
        if self._has_it:
            self._wait_for_the_next_time()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Give the run back, to be resumed if it has not come to its end."""
        timer, renewal, self._timer, self._renewal = self._timer, self._renewal, None, None
        if timer is not None:
            timer.cancel()
        if renewal is not None:
            renewal.cancel()
        try:
            can_await = kind is not GeneratorExit or self.is_left
            if can_await and self._has_it and self._error is None:
                await self._interrupt()
        finally:
            self._opening.leave()
            self.journal.close()  # it leads here, and so does the run
            self._stop = None
            await self._lane.__aexit__(None, None, None)

    def begun(self, stop: Stop) -> None:
        """Note how to stop the work; see :meth:`Run.begun`."""
        self._stop = stop
        self._run.begun(stop)

    async def conclude(self, outcome: Outcome[RunResult]) -> Outcome[RunResult]:
        """Keep what the run has come to; what is wrong with keeping it goes first."""
        broken, self._error = self._error, None
        if broken is not None:
            self._has_it = False
            outcome.take_error()
            try:
                return Outcome(error=broken)
            finally:
                del broken
        if self._is_cancelled and isinstance(outcome.error, RecordedFailureError):
            outcome = Outcome(error=RunCancelledError(self._run.id, self._workflow))
        state, make = self._state_of(outcome)
        try:
            if await self._end(state, make):
                return outcome
        except asyncio.CancelledError:  # it has been kept all the same
            return outcome
        return Outcome(error=LeaseLostError(repr(self._storage), self._run.id))

    def _state_of(self, outcome: Outcome[RunResult]) -> tuple[RunState, Callable[[], str | None]]:
        error = outcome.error
        if self.journal.paused:
            return RunState.INTERRUPTED, lambda: None
        if error is None:
            result = cast("RunResult", outcome.value)
            return RunState(result.status.value), functools.partial(result_text, result)
        text = failure_text(*self._texts_of(error))
        return (RunState.CANCELLED if isinstance(error, RunCancelledError) else RunState.FAILED), lambda: text

    async def _end(self, state: RunState, make: Callable[[], str | None]) -> bool:
        """Give the run back; whether it was still ours to give."""
        self._has_it = False
        storage, run_id, owner = self._storage, self._run.id, self._opening.owner
        return await self._lane.ask(lambda: storage.end(run_id, owner, state, make()))

    async def _interrupt(self) -> None:
        """Give the run back in the middle; if that fails, whoever wants it waits for the end of the lease."""
        try:
            await self._end(RunState.INTERRUPTED, lambda: None)
        except StorageError as error:
            _log.warning("run %s could not be given back: %s", self._run.id, error)

    async def _write(self, make: Callable[[], tuple[Entry, object]]) -> tuple[Outcome[object], bool]:
        """Keep an entry for the journal; if that fails, the run is stopped where it stands."""
        storage, run_id, owner = self._storage, self._run.id, self._opening.owner

        def save() -> object:
            entry, value = make()
            if not storage.save(run_id, owner, entry):
                raise LeaseLostError(repr(storage), run_id)
            return value

        kept, cancelled = await self._lane.see_through(save)
        if isinstance(kept.error, StorageError):
            self._break(kept.take_error())
            return Outcome(error=asyncio.CancelledError()), cancelled
        return kept, cancelled

    def _break(self, error: BaseException | None) -> None:
        """Stop the run where it stands: what it does is not kept any more."""
        if self._error is None and error is not None:
            self._error = error
            self.journal.paused = self.journal.broken = True
            if self._stop is not None:
                self._stop(error)

    def _wait_for_the_next_time(self) -> None:
        loop = asyncio.get_running_loop()

        def begin() -> None:
            self._renewal = loop.create_task(self._renew())

        self._timer = loop.call_later(self._storage.lease / _RENEWALS, begin)

    async def _renew(self) -> None:
        """Renew the lease and look for notes; then wait for the next time, unless the lease is lost."""
        storage, run_id, lease = self._storage, self._run.id, self._storage.lease

        def renew() -> tuple[bool, bool]:
            held = storage.renew(run_id, self._opening.owner, lease)
            return held, held and any(note.name == CANCEL for note in storage.notes(run_id))

        asked = time.monotonic()
        try:
            held, is_cancelled = await self._lane.ask(renew)
            if held:
                self._until = asked + lease
                if is_cancelled and not self._is_cancelled:
                    self._run.cancel()
            else:
                self._break(LeaseLostError(repr(self._storage), self._run.id))
        except StorageError as error:  # the next time may go better, as long as the lease lasts
            if time.monotonic() > self._until:
                self._break(error)
        if self._timer is not None and self._error is None:
            self._wait_for_the_next_time()
