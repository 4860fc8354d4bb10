"""Where runs are kept: one protocol, and storages in memory, in SQLite and in PostgreSQL.

Imported when a storage is first asked for: programs that keep nothing pay nothing.
"""

from __future__ import annotations

from agent_runtime.storage.memory import MemoryStorage
from agent_runtime.storage.postgresql import PostgreSQLStorage
from agent_runtime.storage.protocol import Entry, Note, RunState, Storage, StoredRun
from agent_runtime.storage.sqlite import SQLiteStorage

__all__ = (
    "Entry",
    "MemoryStorage",
    "Note",
    "PostgreSQLStorage",
    "RunState",
    "SQLiteStorage",
    "Storage",
    "StoredRun",
)
