"""The file of SQLiteStorage: brought to this release's version, or refused with a reason."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agent_runtime import SQLiteStorage, StorageError
from agent_runtime.storage import Entry, StoredRun, sql, sqlite


def made(path: Path) -> None:
    with SQLiteStorage(path) as storage:
        storage.create(StoredRun("r", "w", "f", "{}"), "me", 30.0)
        storage.save("r", "me", Entry("ended", "a", "1"))


def test_making_a_storage_opens_nothing(tmp_path: Path) -> None:
    SQLiteStorage(tmp_path / "runs.db")

    assert list(tmp_path.iterdir()) == []


def test_a_file_of_an_older_version_is_brought_up_and_keeps_what_is_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(tmp_path / "runs.db")
    newer = (*sql.MIGRATIONS, ("ALTER TABLE runs ADD COLUMN more TEXT DEFAULT 'new'",))
    monkeypatch.setattr(sqlite, "MIGRATIONS", newer)

    with SQLiteStorage(tmp_path / "runs.db") as storage:
        kept = storage.entries("r")

    with closing(sqlite3.connect(tmp_path / "runs.db")) as connection:
        (more,) = connection.execute("SELECT more FROM runs").fetchall()
        (version,) = connection.execute("PRAGMA user_version").fetchall()
    assert list(kept) == [("ended", "a", "1")]
    assert (more, version) == (("new",), (len(newer),))


def test_a_migration_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(tmp_path / "runs.db")
    broken = ("ALTER TABLE runs ADD COLUMN more TEXT", "no SQL")
    monkeypatch.setattr(sqlite, "MIGRATIONS", (*sql.MIGRATIONS, broken))
    with pytest.raises(StorageError, match="syntax error"):
        SQLiteStorage(tmp_path / "runs.db").entries("r")
    monkeypatch.undo()

    with SQLiteStorage(tmp_path / "runs.db") as storage:
        assert list(storage.entries("r")) == [("ended", "a", "1")]


@pytest.mark.parametrize("moment", [1, 2, 3], ids=["first_look", "second_look", "third_look"])
def test_a_file_that_somebody_makes_while_it_is_looked_at_is_one_of_ours(tmp_path: Path, moment: int) -> None:
    looks: list[str] = []

    def look(statement: str) -> None:
        looks.append(statement)
        if len(looks) == moment:
            with SQLiteStorage(tmp_path / "runs.db") as other:
                other.load("r")

    ours = sqlite.SQLiteDatabase("SQLiteStorage", tmp_path / "runs.db", patience=10, synchronous="full")
    with closing(sqlite3.connect(ours.path, isolation_level=None)) as connection:
        connection.set_trace_callback(look)
        version = ours._version_of(connection)
        connection.set_trace_callback(None)

    assert len(looks) == 3
    assert version in (0, len(sql.MIGRATIONS))


def test_a_file_of_a_newer_release_is_refused(tmp_path: Path) -> None:
    made(tmp_path / "runs.db")
    with closing(sqlite3.connect(tmp_path / "runs.db")) as connection:
        connection.execute("PRAGMA user_version = 99")

    with pytest.raises(StorageError, match=r"tables are of version 99, and this release knows \d+ at most"):
        SQLiteStorage(tmp_path / "runs.db").load("r")


def test_the_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "runs.db")) as connection:
        connection.execute("CREATE TABLE runs (x)")
        connection.commit()
    before = (tmp_path / "runs.db").read_bytes()

    with pytest.raises(StorageError, match="belongs to another program; name another file"):
        SQLiteStorage(tmp_path / "runs.db").load("r")

    assert (tmp_path / "runs.db").read_bytes() == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"hello " * 1000, "no SQLite database; name another one", id="a_text"),
        pytest.param(None, "cannot be opened or made .* its folder must exist", id="no_folder"),
    ],
)
def test_what_is_no_database_is_refused(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "runs.db" if content else tmp_path / "none" / "runs.db"
    if content:
        path.write_bytes(content)

    with pytest.raises(StorageError, match=message) as caught:
        SQLiteStorage(path).load("r")

    assert isinstance(caught.value.__cause__, sqlite3.Error)


def test_who_cannot_write_for_long_says_that_others_do(tmp_path: Path) -> None:
    made(tmp_path / "runs.db")
    with (
        closing(sqlite3.connect(tmp_path / "runs.db")) as other,
        SQLiteStorage(tmp_path / "runs.db", patience=0.1) as storage,
    ):
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(StorageError, match=r"others write for more than 0\.1 s already .* patience="):
            storage.renew("r", "me", 30.0)

        assert storage.load("r") is not None


def test_a_database_in_memory_is_refused() -> None:
    with pytest.raises(ValueError, match=r"use MemoryStorage\(\)"):
        SQLiteStorage(":memory:")
