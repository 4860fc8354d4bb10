"""A storage in one file, for one machine: the standard library's SQLite."""

from __future__ import annotations

import functools
import os
import sqlite3
import time
from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import Literal, Self

from agent_runtime.errors import StorageError
from agent_runtime.storage.protocol import Entry, Note, RunState, StoredRun
from agent_runtime.storage.sql import MIGRATIONS, Statements, run_of

__all__ = ("SQLiteStorage",)

_APPLICATION = 0x61677274
"""In the header of our files ("agrt"), so that another program's database is not taken for one of ours."""

_IDLE = 16
"""Open connections that are kept for the next call; a guess."""

_SQL = Statements("?", "(julianday('now') - 2440587.5) * 86400.0")

_of_parents: list[object] = []
"""Connections that a forked child has inherited. SQLite forbids to use or close them there."""

Parameter = str | float | int | None


class SQLiteStorage:
    """Keeps runs in a file, which any number of threads and processes of one machine may use at once.

    Nothing is opened before the first use. What has been saved survives the process, and with
    ``synchronous="full"`` the machine: each write waits for the disk. The file is in SQLite's WAL mode, so
    two more stand beside it while it is in use, and it must not lie on a network share.

    Args:
        path: of the file, which is made if it is not there; its folder must be.
        lease: for how many seconds a runner takes a run in hand without renewing that. Runs of a process
            that was killed on this machine can be resumed at once; this is for all that cannot be known to
            be dead.
        patience: seconds to wait for another process that is writing, before that is an error.
        synchronous: "full" writes through to the disk; "normal" is faster, and what was saved last may be
            lost when the machine loses power, though not when the process is killed.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        lease: float = 30.0,
        patience: float = 30.0,
        synchronous: Literal["full", "normal"] = "full",
    ) -> None:
        self.path = os.path.abspath(os.fspath(path))
        if os.path.basename(self.path) == ":memory:":
            raise ValueError("a database in memory has one connection only; use MemoryStorage()")
        if synchronous not in ("full", "normal"):
            raise ValueError(f"synchronous= is 'full' or 'normal', not {synchronous!r}")
        self.lease = lease
        self._patience = patience
        self._synchronous = synchronous
        # No lock: appending and popping are atomic. A connection is used by whoever has popped it.
        self._idle: deque[sqlite3.Connection] = deque()
        self._process = 0

    def __repr__(self) -> str:
        return f"SQLiteStorage({self.path!r})"

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle where the file is; connections stay here."""
        return (
            functools.partial(
                SQLiteStorage,
                self.path,
                lease=self.lease,
                patience=self._patience,
                synchronous=self._synchronous,
            ),
            (),
        )

    def create(self, run: StoredRun, owner: str, seconds: float) -> bool:
        """Keep a new run; see :meth:`Storage.create`."""
        given = (run.id, run.workflow, run.fingerprint, run.inputs, run.key, owner, seconds)
        return self._write(_SQL.create, *given)

    def load(self, run_id: str) -> StoredRun | None:
        """Return a run; see :meth:`Storage.load`."""
        rows = self._read(_SQL.load, run_id)
        return run_of(rows[0]) if rows else None

    def find(self, workflow: str, key: str) -> StoredRun | None:
        """Return the run that has this key; see :meth:`Storage.find`."""
        rows = self._read(_SQL.find, workflow, key)
        return run_of(rows[0]) if rows else None

    def runs(self, state: RunState | None = None, *, limit: int = 100) -> Sequence[StoredRun]:
        """Return runs, the newest first; see :meth:`Storage.runs`."""
        if state is None:
            return [run_of(row) for row in self._read(_SQL.runs, limit)]
        return [run_of(row) for row in self._read(_SQL.runs_in_state, RunState(state).value, limit)]

    def claim(self, run_id: str, owner: str, seconds: float, *, instead_of: str | None = None) -> bool:
        """Give the lease to ``owner``; see :meth:`Storage.claim`."""
        return self._write(_SQL.claim, owner, seconds, run_id, instead_of)

    def renew(self, run_id: str, owner: str, seconds: float) -> bool:
        """Prolong the lease; see :meth:`Storage.renew`."""
        return self._write(_SQL.renew, seconds, run_id, owner)

    def save(self, run_id: str, owner: str, entry: Entry) -> bool:
        """Add an entry; see :meth:`Storage.save`."""
        return self._write(_SQL.save, *entry, run_id, owner)

    def entries(self, run_id: str) -> Sequence[Entry]:
        """Return all entries; see :meth:`Storage.entries`."""
        return [Entry(*map(str, row)) for row in self._read(_SQL.entries, run_id)]

    def end(self, run_id: str, owner: str, state: RunState, outcome: str | None) -> bool:
        """Note how the run stands; see :meth:`Storage.end`."""
        return self._write(_SQL.end, state.value, outcome, run_id, owner)

    def note(self, run_id: str, note: Note) -> bool:
        """Leave a note; see :meth:`Storage.note`."""
        return self._write(_SQL.note, *note, run_id)

    def notes(self, run_id: str) -> Sequence[Note]:
        """Return all notes; see :meth:`Storage.notes`."""
        return [Note(*map(str, row)) for row in self._read(_SQL.notes, run_id)]

    def delete(self, run_id: str) -> bool:
        """Forget a run; see :meth:`Storage.delete`."""
        return self._write(_SQL.delete, run_id)

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

    def _write(self, statement: str, *parameters: Parameter) -> bool:
        return self._do(statement, parameters)[0] > 0

    def _read(self, statement: str, *parameters: Parameter) -> list[tuple[object, ...]]:
        return self._do(statement, parameters)[1]

    def _do(self, statement: str, parameters: Sequence[Parameter]) -> tuple[int, list[tuple[object, ...]]]:
        """Carry out one statement; return how many rows it has changed, and those that it gives.

        Raises:
            StorageError: the file cannot be used; SQLite's own exception is the ``__cause__``.
        """
        connection = self._take()
        try:
            if connection is None:
                connection = self._open()
            done = connection.execute(statement, parameters)
            changed, rows = done.rowcount, done.fetchall()
        except sqlite3.Error as error:
            if connection is not None:
                connection.close()
            raise StorageError(repr(self), _explained(error, self._patience)) from error
        if len(self._idle) < _IDLE:
            self._idle.append(connection)
        else:
            connection.close()
        return changed, rows

    def _take(self) -> sqlite3.Connection | None:
        """Return a connection of this process that is not in use; None if there is none."""
        process = os.getpid()
        if self._process != process:
            _of_parents.append(self._idle)
            self._idle, self._process = deque(), process
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _open(self) -> sqlite3.Connection:
        """Return a new connection to a file whose tables are those of this release."""
        connection = sqlite3.connect(
            self.path, timeout=self._patience, isolation_level=None, check_same_thread=False
        )
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        connection.execute("PRAGMA foreign_keys = ON")
        version = self._version_of(connection)
        if version < len(MIGRATIONS):
            _into_wal(connection, self._patience)
            self._migrate(connection)
        elif version > len(MIGRATIONS):
            raise StorageError(
                repr(self),
                f"its tables are of version {version}, and this release knows {len(MIGRATIONS)} at most; use"
                " the release of agent_runtime that has written it, or a later one",
            )

    def _version_of(self, connection: sqlite3.Connection) -> int:
        ((version,),) = connection.execute("PRAGMA user_version").fetchall()
        ((application,),) = connection.execute("PRAGMA application_id").fetchall()
        ((tables,),) = connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
        if application != _APPLICATION and (version or tables):
            raise StorageError(repr(self), "this database belongs to another program; name another file")
        return int(version)

    def _migrate(self, connection: sqlite3.Connection) -> None:
        """Carry out what the file lacks, unless somebody else has done so meanwhile."""
        connection.execute("BEGIN IMMEDIATE")
        for statements in MIGRATIONS[self._version_of(connection) :]:
            for statement in statements:
                connection.execute(statement.format(serial="INTEGER PRIMARY KEY"))
        connection.execute(f"PRAGMA application_id = {_APPLICATION}")
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        connection.execute("COMMIT")


def _into_wal(connection: sqlite3.Connection, patience: float) -> None:
    """Let readers go on while somebody writes; SQLite does not wait by itself for others at this."""
    late = time.monotonic() + patience
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > late:
                raise
            time.sleep(0.005)


def _explained(error: sqlite3.Error, patience: float) -> str:
    """Say what SQLite has found, and what can be done where that is known."""
    text = str(error)
    if "locked" in text:
        return f"others write for more than {patience:g} s already ({text}); pass a longer patience="
    if "unable to open" in text:
        return f"the file cannot be opened or made ({text}); its folder must exist and be writable"
    if "not a database" in text:
        return "this file is no SQLite database; name another one"
    return text
