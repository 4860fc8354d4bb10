"""Conversations in a database: they survive the process, and any threads and processes share them."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, cast

from agent_runtime.memory.store import Conversation
from agent_runtime.storage.database import Database, InDatabase
from agent_runtime.storage.encoding import decode, encode
from agent_runtime.storage.postgresql import PostgreSQLDatabase
from agent_runtime.storage.sqlite import SQLiteDatabase, Synchronous
from agent_runtime.storage.worker import StorageLane

__all__ = ("PostgreSQLMemoryStore", "SQLiteMemoryStore")

ChatMessage = Mapping[str, object]
T = TypeVar("T")


class SQLMemoryStore(InDatabase):
    """Keeps conversations in a database, one row for each key; every method is one statement.

    Args:
        database: which.
    """

    def __init__(self, database: Database[Any]) -> None:
        super().__init__(database)
        of = database.dialect.of
        self._load = of("SELECT messages, version FROM conversations WHERE key = ?")
        self._begin = of(
            "INSERT INTO conversations (key, messages, version, updated) VALUES (?, ?, ?, now())"
            " ON CONFLICT DO NOTHING"
        )
        self._go_on = of(
            "UPDATE conversations SET messages = ?, version = version + 1, updated = now()"
            " WHERE key = ? AND version = ?"
        )
        self._all = of("SELECT key FROM conversations ORDER BY updated, key")
        self._forget = of("DELETE FROM conversations WHERE key = ?")

    async def load(self, key: str) -> Conversation:
        """Return what has been said under a key; a worker thread reads it, and no loop is blocked.

        Raises:
            StorageError: the database cannot be used.
        """
        return await self._ask(functools.partial(self._loaded, key))

    async def save(self, key: str, messages: Sequence[ChatMessage], *, version: int) -> bool:
        """Replace what has been said under a key, if nobody else has done so meanwhile.

        A worker thread writes it, and no loop is blocked. A cancelled call waits for the end of its write.

        Raises:
            NotStorableError: a message holds what JSON cannot express.
            StorageError: the database cannot be used.
        """
        return await self._ask(functools.partial(self._saved, key, messages, version))

    def keys(self) -> list[str]:
        """Return the keys under which something has been said, the latest last; blocks the calling thread.

        Raises:
            StorageError: the database cannot be used.
        """
        return [str(key) for (key,) in self._database.read(self._all)]

    def forget(self, key: str) -> None:
        """Drop what has been said under a key; blocks the calling thread.

        Of a run in progress that has read the conversation, its own exchange is kept.

        Raises:
            StorageError: the database cannot be used.
        """
        self._database.write(self._forget, key)

    async def _ask(self, call: Callable[[], T]) -> T:
        async with StorageLane(self, "conversations") as lane:
            return await lane.ask(call)

    def _loaded(self, key: str) -> Conversation:
        rows = self._database.read(self._load, key)
        if not rows:
            return Conversation()
        ((messages, version),) = rows
        return Conversation(cast("list[ChatMessage]", decode(str(messages))), cast("int", version))

    def _saved(self, key: str, messages: Sequence[ChatMessage], version: int) -> bool:
        text = encode(list(messages), step=None, place="messages")
        if version:
            return self._database.write(self._go_on, text, key, version)
        # By chance, so that a version of a conversation that was forgotten does not come again.
        first = 1 + int.from_bytes(os.urandom(6))
        return self._database.write(self._begin, key, text, first)


class SQLiteMemoryStore(SQLMemoryStore):
    """Keeps conversations in a file, which any threads and processes of one machine may use at once.

    Nothing is opened before the first use. The file may be that of a :class:`SQLiteStorage`, or one of its
    own; it must not lie on a network share. Forked children and, by pickle, the workers of a process pool
    share it.

    Args:
        path: of the file, which is made if it is not there; its folder must be.
        patience: seconds to wait for another process that is writing, before that is an error.
        synchronous: "full" writes through to the disk; "normal" is faster, and what was said last may be lost
            when the machine loses power, though not when the process is killed.

    Raises:
        ValueError: ``path`` is ":memory:", or ``synchronous`` is another word.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, patience: float = 30.0, synchronous: Synchronous = "full"
    ) -> None:
        database = SQLiteDatabase("SQLiteMemoryStore", path, patience=patience, synchronous=synchronous)
        super().__init__(database)
        self.path = database.path
        self._made = functools.partial(
            SQLiteMemoryStore, self.path, patience=patience, synchronous=synchronous
        )

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle where the file is; connections stay here."""
        return self._made, ()


class PostgreSQLMemoryStore(SQLMemoryStore):
    """Keeps conversations in a PostgreSQL database, which any number of machines may use at once.

    Needs the extra ``agent-runtime[postgresql]``. Nothing is opened before the first use. The schema may be
    that of a :class:`PostgreSQLStorage`.

    Args:
        conninfo: where the database is, in libpq's words or as a URL; the rest comes from the variables
            that libpq knows, ``PGPASSWORD`` for one.
        schema: the schema that the tables are in.

    Raises:
        MissingExtraError: psycopg is not installed.
        ValueError: ``schema`` is no plain name.
    """

    def __init__(self, conninfo: str = "", *, schema: str = "agent_runtime") -> None:
        super().__init__(PostgreSQLDatabase("PostgreSQLMemoryStore", conninfo, schema))
        self._made = functools.partial(PostgreSQLMemoryStore, conninfo, schema=schema)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle where the database is; connections stay here."""
        return self._made, ()
