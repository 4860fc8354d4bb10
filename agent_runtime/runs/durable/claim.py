"""Taking a kept run in hand: a new one, one that others have left, or the one that has a key already."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple, NoReturn, cast

from agent_runtime.engine.journal import cancellation, is_undone
from agent_runtime.errors import (
    IdempotencyError,
    RunBusyError,
    RunCancelledError,
    RunEndedError,
    RunExistsError,
    RunNotFoundError,
    WorkflowChangedError,
)
from agent_runtime.results.run_result import RunResult
from agent_runtime.runs.active import Request, Run, is_inside
from agent_runtime.runs.durable.durability import Durability
from agent_runtime.runs.durable.owner import is_known_to_be_dead, new_owner, process_of
from agent_runtime.runs.durable.results import failure_in, result_of
from agent_runtime.storage.encoding import decode, restored
from agent_runtime.storage.protocol import Entry, Note, RunState, Storage, StoredRun
from agent_runtime.storage.worker import StorageLane

__all__ = ("CANCEL", "Opening", "Taken", "may_go_on")

CANCEL = "cancel"
"""The name of the note that a run is cancelled."""

_FIRST_LOOK, _LAST_LOOK = 0.02, 0.5
"""Seconds between looks at a run that another one does: they grow from one to the other; guesses."""

_in_hand: dict[Run, None] = {}
"""Runs that this process has in hand; a dict, because a set has no atomic copy."""


class Taken(NamedTuple):
    """A run that is in hand, or one that had ended before.

    Attributes:
        result: what it had come to; None if it is to be done, or gone on with.
        inputs: its inputs.
        entries: what had been kept of it.
        is_cancelled: whether it is only to be undone.
        notes: what it has been told.
    """

    result: RunResult | None
    inputs: Mapping[str, object]
    entries: Sequence[Entry] = ()
    is_cancelled: bool = False
    notes: Sequence[Note] = ()


def may_go_on(storage: Storage, run_id: str) -> bool:
    """Return whether a run is there that has not come to its end, whoever has it in hand; blocks."""
    stored = storage.load(run_id)
    if stored is None or stored.state in (RunState.SUCCEEDED, RunState.CANCELLED):
        return False
    return stored.state is not RunState.FAILED or not is_undone(storage.entries(run_id))


class Opening:
    """The way to one run.

    Args:
        durability: where it is kept.
        run: the call that wants it; gets its id.
        inputs: those of a new run.
        request: what is wanted.

    Attributes:
        owner: who we are, for the lease.
    """

    def __init__(
        self, durability: Durability, run: Run, inputs: Mapping[str, object], request: Request
    ) -> None:
        self._durability = durability
        self._storage = durability.storage
        self._run = run
        self._inputs = inputs
        self._request = request
        self.owner = new_owner()

    async def take(self, lane: StorageLane) -> Taken:
        """Take the run in hand; waits for whoever else does the run of an idempotency key.

        Raises:
            RunConflictError: it cannot be had, or not gone on with.
            RunCancelledError: it has been cancelled.
            StorageError: the storage has failed.
        """
        look = _FIRST_LOOK
        while True:
            asked, cancelled = await lane.see_through(
                self._try_resume if self._request.resumes else self._try_create
            )
            taken = asked.unwrap()
            if cancelled:
                await self._give_back(lane, taken)
            if taken is not None:
                if taken.result is None:
                    _in_hand[self._run] = None
                return taken
            await asyncio.sleep(look)
            look = min(2 * look, _LAST_LOOK)

    async def _give_back(self, lane: StorageLane, taken: Taken | None) -> NoReturn:
        """Let go of what has been taken while this was being cancelled.

        Raises:
            CancelledError: always.
        """
        if taken is not None and taken.result is None:
            run_id, owner = self._run.id, self.owner
            await lane.see_through(lambda: self._storage.end(run_id, owner, RunState.INTERRUPTED, None))
        raise asyncio.CancelledError

    def leave(self) -> None:
        """Note that the run is in hand no more."""
        _in_hand.pop(self._run, None)

    def _try_create(self) -> Taken | None:
        """Begin a new run, or find the one that has its key; None if that is somebody else's just now."""
        text, inputs = restored(_sorted(self._inputs), step=None, place="inputs")
        durability, key = self._durability, self._request.key
        workflow = durability.workflow.name
        new = StoredRun(self._run.id, workflow, durability.fingerprint, text, key)
        if self._storage.create(new, self.owner, self._storage.lease):
            return Taken(None, cast("dict[str, object]", inputs))
        stored = None if key is None else self._storage.find(workflow, key)
        if stored is None:
            if self._storage.load(self._run.id) is None:
                return None  # one that has the key has been deleted, or is being made
            raise RunExistsError(self._run.id, f"in {self._storage!r}")
        if stored.inputs != text:
            raise IdempotencyError(stored.id, str(key))
        return self._try(stored)

    def _try_resume(self) -> Taken | None:
        stored = self._storage.load(self._run.id)
        if stored is None:
            raise RunNotFoundError(self._run.id, repr(self._storage))
        if self._request.cancels and stored.state is not RunState.SUCCEEDED:
            self._storage.note(stored.id, Note(CANCEL, "{}"))
            for run in _in_hand.copy():
                if run.id == stored.id:
                    run.cancel()
        if stored.workflow != self._durability.workflow.name and not self._request.allow_changes:
            names = f"it is a run of workflow '{stored.workflow}', not '{self._durability.workflow.name}'"
            raise WorkflowChangedError(stored.id, names)
        return self._try(stored)

    def _try(self, stored: StoredRun) -> Taken | None:
        """Go on with a run if that can be; None if it is somebody else's just now."""
        self._run.id = stored.id
        inputs = cast("dict[str, object]", decode(stored.inputs))
        if stored.state is RunState.SUCCEEDED:
            return Taken(result_of(stored), inputs)
        if stored.state is RunState.CANCELLED:
            raise RunCancelledError(stored.id, stored.workflow)
        dead = stored.owner if stored.owner is not None and is_known_to_be_dead(stored.owner) else None
        if stored.owner is not None and dead is None and stored.lease_left > 0:
            self._check_wait(stored, stored.owner)
            return None
        if stored.fingerprint != self._durability.fingerprint and not self._request.allow_changes:
            what = f"workflow '{stored.workflow}' has been changed since the run was begun"
            raise WorkflowChangedError(stored.id, what)
        if stored.state is RunState.FAILED:
            self._check_undone(stored)
        if not self._storage.claim(stored.id, self.owner, self._storage.lease, instead_of=dead):
            return None
        return self._taken(stored, inputs)

    def _taken(self, stored: StoredRun, inputs: Mapping[str, object]) -> Taken:
        """Return the run that is in hand now; one that has been cancelled, if there is anything to undo.

        Raises:
            RunCancelledError: it has been cancelled, and there is nothing.
        """
        entries = self._storage.entries(stored.id)
        notes = self._storage.notes(stored.id)
        is_cancelled = any(note.name == CANCEL for note in notes)
        if is_cancelled and not is_undone(entries):
            mark = cancellation(stored.id)
            if not entries or not self._storage.save(stored.id, self.owner, mark):
                self._storage.end(stored.id, self.owner, RunState.CANCELLED, None)
                raise RunCancelledError(stored.id, stored.workflow)
            entries = [*entries, mark]
        return Taken(None, inputs, entries, is_cancelled, notes)

    def _check_undone(self, stored: StoredRun) -> None:
        """Refuse to go on with a run that has failed, and has been undone.

        Raises:
            RunEndedError: it has been.
        """
        if is_undone(self._storage.entries(stored.id)):
            detail = f"it has failed with {failure_in(stored)}, and what had succeeded has been undone"
            raise RunEndedError(stored.id, detail)

    def _check_wait(self, stored: StoredRun, owner: str) -> None:
        """Refuse to wait for a run that others have in hand, if it is to be resumed or waits for this.

        Raises:
            RunBusyError: it is so.
        """
        blocked = self._run.caller if self._request.blocks else 0
        if is_inside(stored.id) or any(
            run.id == stored.id and run.needs_thread(blocked) for run in _in_hand.copy()
        ):
            raise RunBusyError(stored.id, "this very call is made inside of it, and would wait for itself")
        if self._request.resumes:
            detail = (
                f"{process_of(owner)} has it, with {stored.lease_left:.1f} s left before others may take it"
            )
            raise RunBusyError(stored.id, detail)


def _sorted(inputs: Mapping[str, object]) -> dict[str, object]:
    return {name: inputs[name] for name in sorted(inputs)}
