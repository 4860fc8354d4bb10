"""A storage for many machines: PostgreSQL, by psycopg 3."""

from __future__ import annotations

import functools
import os
import re
from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from agent_runtime.errors import MissingExtraError, StorageError
from agent_runtime.storage.protocol import Entry, Note, RunState, StoredRun
from agent_runtime.storage.sql import MIGRATIONS, Statements, run_of

if TYPE_CHECKING:
    from psycopg import Connection

__all__ = ("PostgreSQLStorage",)

_IDLE = 16
"""Open connections that are kept for the next call; a guess."""

_SERIAL = "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"

# A claim waits for an entry that is being added, and an entry for a claim: FOR SHARE locks the run's row.
_SQL = Statements("%s", "extract(epoch FROM clock_timestamp())::float8", lock=" FOR SHARE")

_of_parents: list[object] = []
"""Connections that a forked child has inherited. Closing them there would end them for the parent."""

Parameter = str | float | int | None
Rows = list[tuple[object, ...]]


class PostgreSQLStorage:
    """Keeps runs in a PostgreSQL database, which runners on any number of machines may use at once.

    Needs the extra ``agent-runtime[postgresql]``. Nothing is opened before the first use; the tables are
    made then, in a schema of their own. Leases go by the server's clock. A connection that breaks stops the
    runs that need it at that moment, with a :class:`StorageError`; they can be resumed.

    Args:
        conninfo: where the database is, in libpq's words or as a URL; the rest comes from the variables
            that libpq knows, ``PGPASSWORD`` for one.
        schema: the schema that the tables are in.
        lease: for how many seconds a runner takes a run in hand without renewing that.

    Raises:
        MissingExtraError: psycopg is not installed.
        ValueError: ``schema`` is no plain name.
    """

    def __init__(self, conninfo: str = "", *, schema: str = "agent_runtime", lease: float = 30.0) -> None:
        try:
            import psycopg  # noqa: F401 - said here and not in the first run
        except ImportError as error:
            raise MissingExtraError("PostgreSQLStorage", "psycopg", "postgresql") from error
        if not re.fullmatch("[a-z_][a-z0-9_]{0,62}", schema):
            raise ValueError(f"schema= is a name of small letters, digits and '_', not {schema!r}")
        self.lease = lease
        self._conninfo = conninfo
        self._schema = schema
        # No lock: appending and popping are atomic. A connection is used by whoever has popped it.
        self._idle: deque[Connection] = deque()
        self._process = 0

    def __repr__(self) -> str:
        return f"PostgreSQLStorage(schema={self._schema!r})"

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle where the database is; connections stay here."""
        make = functools.partial(PostgreSQLStorage, self._conninfo, schema=self._schema, lease=self.lease)
        return make, ()

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

    def _read(self, statement: str, *parameters: Parameter) -> Rows:
        return self._do(statement, parameters)[1]

    def _do(self, statement: str, parameters: Sequence[Parameter]) -> tuple[int, Rows]:
        """Carry out one statement; return how many rows it has changed, and those that it gives.

        Raises:
            StorageError: the server cannot be asked; psycopg's own exception is the ``__cause__``.
        """
        import psycopg

        connection = self._take()
        try:
            if connection is None:
                connection = self._open()
            done = connection.execute(statement.encode(), parameters)
            changed, rows = done.rowcount, (done.fetchall() if done.description else [])
        except psycopg.Error as error:
            if connection is not None:
                connection.close()
            raise StorageError(repr(self), f"{type(error).__name__}: {str(error).strip()}") from error
        if len(self._idle) < _IDLE:
            self._idle.append(connection)
        else:
            connection.close()
        return changed, rows

    def _take(self) -> Connection | None:
        """Return a connection of this process that is not in use and has not broken, if there is one."""
        process = os.getpid()
        if self._process != process:
            _of_parents.append(self._idle)
            self._idle, self._process = deque(), process
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread has it
                return None
            if not connection.closed:
                return connection
        return None

    def _open(self) -> Connection:
        """Return a new connection to a schema whose tables are those of this release."""
        import psycopg

        connection = psycopg.connect(self._conninfo, autocommit=True)
        try:
            connection.execute(f"SET search_path TO {self._schema}".encode())
            if self._version_of(connection) != len(MIGRATIONS):
                self._migrate(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _version_of(self, connection: Connection) -> int:
        is_there = connection.execute("SELECT to_regclass(%s)", [f"{self._schema}.version"]).fetchone()
        if is_there is None or is_there[0] is None:
            return 0
        found = connection.execute("SELECT max(number) FROM version").fetchone()
        return 0 if found is None or found[0] is None else int(found[0])

    def _migrate(self, connection: Connection) -> None:
        """Carry out what the schema lacks, unless somebody else has done so meanwhile."""
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [self._schema])
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {self._schema}".encode())
            connection.execute("CREATE TABLE IF NOT EXISTS version (number INTEGER NOT NULL)")
            version = self._version_of(connection)
            if version > len(MIGRATIONS):
                raise StorageError(
                    repr(self),
                    f"its tables are of version {version}, and this release knows {len(MIGRATIONS)} at most;"
                    " use the release of agent_runtime that has written them, or a later one",
                )
            for number, statements in enumerate(MIGRATIONS[version:], version + 1):
                for statement in statements:
                    connection.execute(statement.format(serial=_SERIAL).encode())
                connection.execute("INSERT INTO version VALUES (%s)", [number])
