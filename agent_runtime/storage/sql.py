"""Tables, the statements for runs, one for each method of a storage, and rows as data.

Each write is a single statement, which a database carries out whole or not at all. No Python runs in the
middle of it, so no finaliser can call in while it holds a lock.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from agent_runtime.storage.protocol import RunState, StoredRun

__all__ = ("MIGRATIONS", "Dialect", "Statements", "run_of")

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE runs (
            number {serial},
            id TEXT NOT NULL UNIQUE,
            workflow TEXT NOT NULL,
            fingerprint TEXT NOT NULL,
            inputs TEXT NOT NULL,
            key TEXT,
            state TEXT NOT NULL,
            outcome TEXT,
            owner TEXT,
            lease_ends DOUBLE PRECISION NOT NULL,
            created DOUBLE PRECISION NOT NULL,
            updated DOUBLE PRECISION NOT NULL,
            UNIQUE (workflow, key)
        )""",
        "CREATE INDEX runs_by_state ON runs (state, number)",
        """CREATE TABLE entries (
            number {serial},
            run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
            kind TEXT NOT NULL,
            step TEXT NOT NULL,
            data TEXT NOT NULL
        )""",
        "CREATE INDEX entries_by_run ON entries (run, number)",
        """CREATE TABLE notes (
            run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
            name TEXT NOT NULL,
            data TEXT NOT NULL,
            PRIMARY KEY (run, name)
        )""",
    ),
    (
        """CREATE TABLE conversations (
            key TEXT NOT NULL PRIMARY KEY,
            messages TEXT NOT NULL,
            version BIGINT NOT NULL,
            updated DOUBLE PRECISION NOT NULL
        )""",
    ),
)
"""How tables come about and change: what brings version 0, which is nothing, to version 1, and so on.

A row here never changes once it has been released; another version is another row. All rows that a
database lacks are carried out in one transaction when it is first used. A database with more versions than
there are rows here is refused: a newer release has written it.
"""


class Dialect(NamedTuple):
    """What databases say in words of their own.

    Attributes:
        mark: what stands for a parameter: ``?`` or ``%s``.
        now: what gives the seconds since the epoch, by the database's clock.
        lock: what makes an entry that is being added and a claim wait for each other, if they do not anyway.
    """

    mark: str
    now: str
    lock: str = ""

    def of(self, text: str) -> str:
        """Return a statement, written with ``?`` and ``now()``, in these words."""
        return text.replace("?", self.mark).replace("now()", self.now)


class Statements:
    """The statements for runs.

    Args:
        dialect: in which words.
    """

    def __init__(self, dialect: Dialect) -> None:
        of = dialect.of
        self.create = of(
            "INSERT INTO runs"
            " (id, workflow, fingerprint, inputs, key, state, owner, lease_ends, created, updated)"
            " VALUES (?, ?, ?, ?, ?, 'running', ?, now() + ?, now(), now()) ON CONFLICT DO NOTHING"
        )
        select = (
            "SELECT id, workflow, fingerprint, inputs, key, state, outcome, owner, lease_ends, created,"
            " updated, now() FROM runs"
        )
        self.load = of(f"{select} WHERE id = ?")
        self.find = of(f"{select} WHERE workflow = ? AND key = ?")
        self.runs = of(f"{select} ORDER BY number DESC LIMIT ?")
        self.runs_in_state = of(f"{select} WHERE state = ? ORDER BY number DESC LIMIT ?")
        self.claim = of(
            "UPDATE runs SET owner = ?, lease_ends = now() + ?, state = 'running', updated = now()"
            " WHERE id = ? AND (owner IS NULL OR lease_ends <= now() OR owner = ?)"
            " AND state NOT IN ('succeeded', 'cancelled')"
        )
        self.renew = of("UPDATE runs SET lease_ends = now() + ?, updated = now() WHERE id = ? AND owner = ?")
        self.save = (
            of(
                "INSERT INTO entries (run, kind, step, data)"
                " SELECT id, ?, ?, ? FROM runs WHERE id = ? AND owner = ?"
            )
            + dialect.lock
        )
        self.entries = of("SELECT kind, step, data FROM entries WHERE run = ? ORDER BY number")
        self.end = of(
            "UPDATE runs SET state = ?, outcome = ?, owner = NULL, lease_ends = 0, updated = now()"
            " WHERE id = ? AND owner = ?"
        )
        self.note = of(
            "INSERT INTO notes (run, name, data) SELECT id, ?, ? FROM runs WHERE id = ?"
            " ON CONFLICT DO NOTHING"
        )
        self.notes = of("SELECT name, data FROM notes WHERE run = ? ORDER BY name")
        self.delete = of("DELETE FROM runs WHERE id = ? AND (owner IS NULL OR lease_ends <= now())")


def run_of(row: Sequence[object]) -> StoredRun:
    """Return a row of a run, with the database's time at its end, as data."""
    run_id, workflow, fingerprint, inputs, key, state, outcome, owner, lease_ends, created, updated, now = row
    return StoredRun(
        id=str(run_id),
        workflow=str(workflow),
        fingerprint=str(fingerprint),
        inputs=str(inputs),
        key=None if key is None else str(key),
        state=RunState(str(state)),
        outcome=None if outcome is None else str(outcome),
        owner=None if owner is None else str(owner),
        lease_left=0.0 if owner is None else max(0.0, _number(lease_ends) - _number(now)),
        created=_number(created),
        updated=_number(updated),
    )


def _number(value: object) -> float:
    assert isinstance(value, int | float)
    return float(value)
