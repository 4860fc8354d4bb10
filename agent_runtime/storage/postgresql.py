"""A storage for many machines: PostgreSQL, by psycopg 3."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from agent_runtime.errors import MissingExtraError, StorageError
from agent_runtime.storage.database import Database, Parameter, Rows
from agent_runtime.storage.sql import MIGRATIONS, Dialect
from agent_runtime.storage.sql_storage import SQLStorage

if TYPE_CHECKING:
    from psycopg import Connection

__all__ = ("PostgreSQLDatabase", "PostgreSQLStorage")

_SERIAL = "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"

# A claim waits for an entry that is being added, and an entry for a claim: FOR SHARE locks the run's row.
_DIALECT = Dialect("%s", "extract(epoch FROM clock_timestamp())::float8", lock=" FOR SHARE")


class PostgreSQLStorage(SQLStorage):
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
        super().__init__(PostgreSQLDatabase("PostgreSQLStorage", conninfo, schema), lease=lease)
        self._made = functools.partial(PostgreSQLStorage, conninfo, schema=schema, lease=lease)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle where the database is; connections stay here."""
        return self._made, ()


class PostgreSQLDatabase(Database["Connection"]):
    """A schema with the tables of this release.

    Args:
        owner: the class that keeps something in it, for errors.
        conninfo: where the database is.
        schema: the schema that the tables are in.

    Raises:
        MissingExtraError: psycopg is not installed.
        ValueError: ``schema`` is no plain name.
    """

    def __init__(self, owner: str, conninfo: str, schema: str) -> None:
        try:
            import psycopg
        except ImportError as error:
            raise MissingExtraError(owner, "psycopg", "postgresql") from error
        if not re.fullmatch("[a-z_][a-z0-9_]{0,62}", schema):
            raise ValueError(f"schema= is a name of small letters, digits and '_', not {schema!r}")
        self._conninfo = conninfo
        self._schema = schema
        super().__init__(f"{owner}(schema={schema!r})", _DIALECT, psycopg.Error)

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

    def _execute(
        self, connection: Connection, statement: str, parameters: Sequence[Parameter]
    ) -> tuple[int, Rows]:
        done = connection.execute(statement.encode(), parameters)
        return done.rowcount, (done.fetchall() if done.description else [])

    def _is_usable(self, connection: Connection) -> bool:
        return not connection.closed

    def _explained(self, error: Exception) -> str:
        return f"{type(error).__name__}: {str(error).strip()}"

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
                    self._name,
                    f"its tables are of version {version}, and this release knows {len(MIGRATIONS)} at most;"
                    " use the release of agent_runtime that has written them, or a later one",
                )
            for number, statements in enumerate(MIGRATIONS[version:], version + 1):
                for statement in statements:
                    connection.execute(statement.format(serial=_SERIAL).encode())
                connection.execute("INSERT INTO version VALUES (%s)", [number])
