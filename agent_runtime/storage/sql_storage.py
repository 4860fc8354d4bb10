"""A storage whose every method is one statement of SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agent_runtime.storage.database import Database, InDatabase
from agent_runtime.storage.protocol import Entry, Note, RunState, StoredRun
from agent_runtime.storage.sql import Statements, run_of

__all__ = ("SQLStorage",)


class SQLStorage(InDatabase):
    """Keeps runs in a database.

    Args:
        database: which.
        lease: for how many seconds a runner takes a run in hand without renewing that.
    """

    def __init__(self, database: Database[Any], *, lease: float) -> None:
        super().__init__(database)
        self.lease = lease
        self._sql = Statements(database.dialect)

    def create(self, run: StoredRun, owner: str, seconds: float) -> bool:
        """Keep a new run; see :meth:`Storage.create`."""
        given = (run.id, run.workflow, run.fingerprint, run.inputs, run.key, owner, seconds)
        return self._database.write(self._sql.create, *given)

    def load(self, run_id: str) -> StoredRun | None:
        """Return a run; see :meth:`Storage.load`."""
        rows = self._database.read(self._sql.load, run_id)
        return run_of(rows[0]) if rows else None

    def find(self, workflow: str, key: str) -> StoredRun | None:
        """Return the run that has this key; see :meth:`Storage.find`."""
        rows = self._database.read(self._sql.find, workflow, key)
        return run_of(rows[0]) if rows else None

    def runs(self, state: RunState | None = None, *, limit: int = 100) -> Sequence[StoredRun]:
        """Return runs, the newest first; see :meth:`Storage.runs`."""
        if state is None:
            return [run_of(row) for row in self._database.read(self._sql.runs, limit)]
        return [
            run_of(row) for row in self._database.read(self._sql.runs_in_state, RunState(state).value, limit)
        ]

    def claim(self, run_id: str, owner: str, seconds: float, *, instead_of: str | None = None) -> bool:
        """Give the lease to ``owner``; see :meth:`Storage.claim`."""
        return self._database.write(self._sql.claim, owner, seconds, run_id, instead_of)

    def renew(self, run_id: str, owner: str, seconds: float) -> bool:
        """Prolong the lease; see :meth:`Storage.renew`."""
        return self._database.write(self._sql.renew, seconds, run_id, owner)

    def save(self, run_id: str, owner: str, entry: Entry) -> bool:
        """Add an entry; see :meth:`Storage.save`."""
        return self._database.write(self._sql.save, *entry, run_id, owner)

    def entries(self, run_id: str) -> Sequence[Entry]:
        """Return all entries; see :meth:`Storage.entries`."""
        return [Entry(*map(str, row)) for row in self._database.read(self._sql.entries, run_id)]

    def end(self, run_id: str, owner: str, state: RunState, outcome: str | None) -> bool:
        """Note how the run stands; see :meth:`Storage.end`."""
        return self._database.write(self._sql.end, state.value, outcome, run_id, owner)

    def note(self, run_id: str, note: Note) -> bool:
        """Leave a note; see :meth:`Storage.note`."""
        return self._database.write(self._sql.note, *note, run_id)

    def notes(self, run_id: str) -> Sequence[Note]:
        """Return all notes; see :meth:`Storage.notes`."""
        return [Note(*map(str, row)) for row in self._database.read(self._sql.notes, run_id)]

    def delete(self, run_id: str) -> bool:
        """Forget a run; see :meth:`Storage.delete`."""
        return self._database.write(self._sql.delete, run_id)
