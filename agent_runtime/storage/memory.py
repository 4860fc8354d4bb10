"""A storage that lasts as long as the process: for tests, and for runs that only have to wait."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from typing import NamedTuple, NoReturn

from agent_runtime.storage.protocol import Entry, Note, RunState, StoredRun

__all__ = ("MemoryStorage",)


class _Hold(NamedTuple):
    """One period in which a run is in one hand, or in none.

    Attributes:
        number: counted from 0; the latest one counts.
        owner: whose hand; None if it has been given back.
        state: how the run stands.
        outcome: what it has come to.
        updated: when this began, in seconds since the epoch.
    """

    number: int
    owner: str | None
    state: RunState
    outcome: str | None
    updated: float


class _Kept:
    """One run. Each hold is put in by ``setdefault`` under its number, so that of two only one gets it."""

    __slots__ = ("ends", "entries", "holds", "notes", "run")

    def __init__(self, run: StoredRun) -> None:
        self.run = run
        self.holds: dict[int, _Hold] = {}
        self.ends: dict[int, float] = {}
        self.entries: list[Entry] = []
        self.notes: dict[str, Note] = {}

    def last(self) -> _Hold:
        number = len(self.holds) - 1
        return self.holds[number]

    def held_by(self, owner: str) -> _Hold | None:
        last = self.last()
        return last if last.owner == owner else None

    def follow(self, hold: _Hold, seconds: float) -> bool:
        """Let ``hold`` be the latest one, unless another has come first."""
        self.ends.setdefault(hold.number, time.monotonic() + seconds)
        if self.holds.setdefault(hold.number, hold) is not hold:
            return False
        self.ends[hold.number] = time.monotonic() + seconds
        return True


class MemoryStorage:
    """Keeps runs in this process; they are gone when it ends. A forked child goes on with a copy.

    No lock: a finaliser may use it on a thread that is using it already. It relies on single operations
    of dict and list being atomic.

    Args:
        lease: for how many seconds a runner takes a run in hand without renewing that.
    """

    def __init__(self, *, lease: float = 30.0) -> None:
        self.lease = lease
        self._runs: dict[str, _Kept] = {}
        self._keys: dict[tuple[str, str], str] = {}

    def __repr__(self) -> str:
        return "MemoryStorage()"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a MemoryStorage is this process's own; use SQLiteStorage(path)")

    def create(self, run: StoredRun, owner: str, seconds: float) -> bool:
        """Keep a new run; see :meth:`Storage.create`."""
        now = time.time()
        kept = _Kept(dataclasses.replace(run, created=now))
        kept.follow(_Hold(0, owner, RunState.RUNNING, None, now), seconds)
        if run.key is not None and run.id not in self._runs:
            taken = self._keys.setdefault((run.workflow, run.key), run.id)
            if taken != run.id:
                return False
        return self._runs.setdefault(run.id, kept) is kept

    def load(self, run_id: str) -> StoredRun | None:
        """Return a run; see :meth:`Storage.load`."""
        kept = self._runs.get(run_id)
        if kept is None:
            return None
        last = kept.last()
        return dataclasses.replace(
            kept.run,
            state=last.state,
            outcome=last.outcome,
            owner=last.owner,
            lease_left=0.0 if last.owner is None else max(0.0, kept.ends[last.number] - time.monotonic()),
            updated=last.updated,
        )

    def find(self, workflow: str, key: str) -> StoredRun | None:
        """Return the run that has this key; see :meth:`Storage.find`."""
        run_id = self._keys.get((workflow, key))
        return None if run_id is None else self.load(run_id)

    def runs(self, state: RunState | None = None, *, limit: int = 100) -> Sequence[StoredRun]:
        """Return runs, the newest first; see :meth:`Storage.runs`."""
        loaded = [self.load(run_id) for run_id in reversed(self._runs.copy())]
        found = [run for run in loaded if run is not None and state in (None, run.state)]
        return found[:limit]

    def claim(self, run_id: str, owner: str, seconds: float, *, instead_of: str | None = None) -> bool:
        """Give the lease to ``owner``; see :meth:`Storage.claim`."""
        kept = self._runs.get(run_id)
        if kept is None:
            return False
        last = kept.last()
        if last.state in (RunState.SUCCEEDED, RunState.CANCELLED):
            return False
        is_free = last.owner in (None, instead_of) or kept.ends[last.number] <= time.monotonic()
        return is_free and kept.follow(
            _Hold(last.number + 1, owner, RunState.RUNNING, last.outcome, time.time()), seconds
        )

    def renew(self, run_id: str, owner: str, seconds: float) -> bool:
        """Prolong the lease; see :meth:`Storage.renew`."""
        kept = self._runs.get(run_id)
        held = None if kept is None else kept.held_by(owner)
        if kept is None or held is None:
            return False
        kept.ends[held.number] = time.monotonic() + seconds
        return kept.held_by(owner) is not None

    def save(self, run_id: str, owner: str, entry: Entry) -> bool:
        """Add an entry; see :meth:`Storage.save`.

        Who claims the run first puts a hold and then reads the entries; who saves first adds one and then
        looks for holds. So at least one of the two knows of the other.
        """
        kept = self._runs.get(run_id)
        if kept is None or kept.held_by(owner) is None:
            return False
        kept.entries.append(entry)
        return kept.held_by(owner) is not None

    def entries(self, run_id: str) -> Sequence[Entry]:
        """Return all entries; see :meth:`Storage.entries`."""
        kept = self._runs.get(run_id)
        return [] if kept is None else kept.entries.copy()

    def end(self, run_id: str, owner: str, state: RunState, outcome: str | None) -> bool:
        """Note how the run stands; see :meth:`Storage.end`."""
        kept = self._runs.get(run_id)
        held = None if kept is None else kept.held_by(owner)
        if kept is None or held is None:
            return False
        return kept.follow(_Hold(held.number + 1, None, state, outcome, time.time()), 0.0)

    def note(self, run_id: str, note: Note) -> bool:
        """Leave a note; see :meth:`Storage.note`."""
        kept = self._runs.get(run_id)
        return kept is not None and kept.notes.setdefault(note.name, note) is note

    def notes(self, run_id: str) -> Sequence[Note]:
        """Return all notes; see :meth:`Storage.notes`."""
        kept = self._runs.get(run_id)
        return [] if kept is None else list(kept.notes.copy().values())

    def delete(self, run_id: str) -> bool:
        """Forget a run; see :meth:`Storage.delete`."""
        stored = self.load(run_id)
        if stored is None or stored.lease_left > 0:
            return False
        if stored.key is not None:
            self._keys.pop((stored.workflow, stored.key), None)
        return self._runs.pop(run_id, None) is not None
