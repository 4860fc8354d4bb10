"""What storages that speak SQL have in common: a statement for each method, and connections that are kept."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar

from agent_runtime.errors import StorageError
from agent_runtime.storage.protocol import Entry, Note, RunState, StoredRun
from agent_runtime.storage.sql import Statements, run_of

__all__ = ("Database", "Parameter", "Rows")

_IDLE = 16
"""Open connections that are kept for the next call; a guess."""

_of_parents: list[object] = []
"""Connections that a forked child has inherited. Here they must not be used or closed: SQLite forbids it, and
a server would end them for the parent."""

Parameter = str | float | int | None
Rows = list[tuple[object, ...]]


class Closable(Protocol):
    """A connection, as far as it is the same for every database."""

    def close(self) -> Any:
        """Give it up."""


C = TypeVar("C", bound=Closable)


class Database(ABC, Generic[C]):
    """A storage whose every method is one statement.

    Args:
        statements: in the database's dialect.
        error: the class of what its driver raises.
        lease: for how many seconds a runner takes a run in hand without renewing that.
    """

    def __init__(self, statements: Statements, error: type[Exception], *, lease: float) -> None:
        self.lease = lease
        self._sql = statements
        self._error = error
        # No lock: appending and popping are atomic. A connection is used by whoever has popped it.
        self._idle: deque[C] = deque()
        self._process = 0

    def create(self, run: StoredRun, owner: str, seconds: float) -> bool:
        """Keep a new run; see :meth:`Storage.create`."""
        given = (run.id, run.workflow, run.fingerprint, run.inputs, run.key, owner, seconds)
        return self._write(self._sql.create, *given)

    def load(self, run_id: str) -> StoredRun | None:
        """Return a run; see :meth:`Storage.load`."""
        rows = self._read(self._sql.load, run_id)
        return run_of(rows[0]) if rows else None

    def find(self, workflow: str, key: str) -> StoredRun | None:
        """Return the run that has this key; see :meth:`Storage.find`."""
        rows = self._read(self._sql.find, workflow, key)
        return run_of(rows[0]) if rows else None

    def runs(self, state: RunState | None = None, *, limit: int = 100) -> Sequence[StoredRun]:
        """Return runs, the newest first; see :meth:`Storage.runs`."""
        if state is None:
            return [run_of(row) for row in self._read(self._sql.runs, limit)]
        return [run_of(row) for row in self._read(self._sql.runs_in_state, RunState(state).value, limit)]

    def claim(self, run_id: str, owner: str, seconds: float, *, instead_of: str | None = None) -> bool:
        """Give the lease to ``owner``; see :meth:`Storage.claim`."""
        return self._write(self._sql.claim, owner, seconds, run_id, instead_of)

    def renew(self, run_id: str, owner: str, seconds: float) -> bool:
        """Prolong the lease; see :meth:`Storage.renew`."""
        return self._write(self._sql.renew, seconds, run_id, owner)

    def save(self, run_id: str, owner: str, entry: Entry) -> bool:
        """Add an entry; see :meth:`Storage.save`."""
        return self._write(self._sql.save, *entry, run_id, owner)

    def entries(self, run_id: str) -> Sequence[Entry]:
        """Return all entries; see :meth:`Storage.entries`."""
        return [Entry(*map(str, row)) for row in self._read(self._sql.entries, run_id)]

    def end(self, run_id: str, owner: str, state: RunState, outcome: str | None) -> bool:
        """Note how the run stands; see :meth:`Storage.end`."""
        return self._write(self._sql.end, state.value, outcome, run_id, owner)

    def note(self, run_id: str, note: Note) -> bool:
        """Leave a note; see :meth:`Storage.note`."""
        return self._write(self._sql.note, *note, run_id)

    def notes(self, run_id: str) -> Sequence[Note]:
        """Return all notes; see :meth:`Storage.notes`."""
        return [Note(*map(str, row)) for row in self._read(self._sql.notes, run_id)]

    def delete(self, run_id: str) -> bool:
        """Forget a run; see :meth:`Storage.delete`."""
        return self._write(self._sql.delete, run_id)

    def close(self) -> None:
        """Close the connections that are not in use; the storage can be used again afterwards."""
        while (connection := self._take()) is not None:
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @abstractmethod
    def _open(self) -> C:
        """Return a new connection to a database whose tables are those of this release."""

    @abstractmethod
    def _execute(self, connection: C, statement: str, parameters: Sequence[Parameter]) -> tuple[int, Rows]:
        """Carry out one statement; return how many rows it has changed, and those that it gives."""

    @abstractmethod
    def _explained(self, error: Exception) -> str:
        """Say what the driver has found, and what can be done where that is known."""

    @abstractmethod
    def _is_usable(self, connection: C) -> bool:
        """Whether a connection that was kept has not broken meanwhile."""

    def _write(self, statement: str, *parameters: Parameter) -> bool:
        return self._do(statement, parameters)[0] > 0

    def _read(self, statement: str, *parameters: Parameter) -> Rows:
        return self._do(statement, parameters)[1]

    def _do(self, statement: str, parameters: Sequence[Parameter]) -> tuple[int, Rows]:
        """Carry out one statement on a connection of its own for that time.

        Raises:
            StorageError: the database cannot be used; its driver's own exception is the ``__cause__``.
        """
        connection = self._take()
        try:
            if connection is None:
                connection = self._open()
            done = self._execute(connection, statement, parameters)
        except self._error as error:
            if connection is not None:
                connection.close()
            raise StorageError(repr(self), self._explained(error)) from error
        if len(self._idle) < _IDLE:
            self._idle.append(connection)
        else:
            connection.close()
        return done

    def _take(self) -> C | None:
        """Return a connection of this process that is not in use and can be used; None if there is none."""
        process = os.getpid()
        if self._process != process:
            _of_parents.append(self._idle)
            self._idle, self._process = deque(), process
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            if self._is_usable(connection):
                return connection
