"""A storage in one file, for one machine: the standard library's SQLite."""

from __future__ import annotations

import functools
import os
import sqlite3
import time
from collections.abc import Sequence
from typing import Literal

from agent_runtime.errors import StorageError
from agent_runtime.storage.database import Database, Parameter, Rows
from agent_runtime.storage.sql import MIGRATIONS, Dialect
from agent_runtime.storage.sql_storage import SQLStorage

__all__ = ("SQLiteDatabase", "SQLiteStorage", "Synchronous")

Synchronous = Literal["full", "normal"]

_APPLICATION = 0x61677274
"""In the header of our files ("agrt"), so that another program's database is not taken for one of ours."""

_DIALECT = Dialect("?", "(julianday('now') - 2440587.5) * 86400.0")


class SQLiteStorage(SQLStorage):
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
        synchronous: Synchronous = "full",
    ) -> None:
        database = SQLiteDatabase("SQLiteStorage", path, patience=patience, synchronous=synchronous)
        self.path = database.path
        super().__init__(database, lease=lease)
        self._made = functools.partial(
            SQLiteStorage, self.path, lease=lease, patience=patience, synchronous=synchronous
        )

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle where the file is; connections stay here."""
        return self._made, ()


class SQLiteDatabase(Database[sqlite3.Connection]):
    """A file with the tables of this release.

    Args:
        owner: the class that keeps something in it, for errors.
        path: of the file.
        patience: seconds to wait for another process that is writing.
        synchronous: "full" or "normal".

    Raises:
        ValueError: this is no path of a file, or no such word.
    """

    def __init__(
        self, owner: str, path: str | os.PathLike[str], *, patience: float, synchronous: Synchronous
    ) -> None:
        self.path = os.path.abspath(os.fspath(path))
        if os.path.basename(self.path) == ":memory:":
            raise ValueError(
                "a database in memory has one connection only; use MemoryStorage() or InMemoryStore()"
            )
        if synchronous not in ("full", "normal"):
            raise ValueError(f"synchronous= is 'full' or 'normal', not {synchronous!r}")
        self._patience = patience
        self._synchronous = synchronous
        super().__init__(f"{owner}({self.path!r})", _DIALECT, sqlite3.Error)

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

    def _execute(
        self, connection: sqlite3.Connection, statement: str, parameters: Sequence[Parameter]
    ) -> tuple[int, Rows]:
        done = connection.execute(statement, parameters)
        return done.rowcount, done.fetchall()

    def _is_usable(self, connection: sqlite3.Connection) -> bool:  # noqa: ARG002 - a file does not go away
        return True

    def _explained(self, error: Exception) -> str:
        text = str(error)
        if "locked" in text:
            return (
                f"others write for more than {self._patience:g} s already ({text}); pass a longer patience="
            )
        if "unable to open" in text:
            return f"the file cannot be opened or made ({text}); its folder must exist and be writable"
        if "not a database" in text:
            return "this file is no SQLite database; name another one"
        return text

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        connection.execute("PRAGMA foreign_keys = ON")
        version = self._version_of(connection)
        if version < len(MIGRATIONS):
            _into_wal(connection, self._patience)
            self._migrate(connection)
        elif version > len(MIGRATIONS):
            raise StorageError(
                self._name,
                f"its tables are of version {version}, and this release knows {len(MIGRATIONS)} at most; use"
                " the release of agent_runtime that has written it, or a later one",
            )

    def _version_of(self, connection: sqlite3.Connection) -> int:
        # In this order: whoever makes the file meanwhile writes all three at once, and what was seen first of
        # them must not be there without the mark, which is looked for last.
        ((tables,),) = connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
        ((version,),) = connection.execute("PRAGMA user_version").fetchall()
        ((application,),) = connection.execute("PRAGMA application_id").fetchall()
        if application != _APPLICATION and (version or tables):
            raise StorageError(self._name, "this database belongs to another program; name another file")
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
