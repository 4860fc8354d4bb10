"""What every storage promises, whatever it keeps runs in."""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from agent_runtime import MemoryStorage, PostgreSQLStorage, SQLiteStorage, Storage
from agent_runtime.storage import Entry, Note, RunState, StoredRun
from tests.helpers.postgresql import missing

STORAGES = [
    pytest.param("memory", id="memory"),
    pytest.param("sqlite", id="sqlite"),
    pytest.param("postgresql", id="postgresql", marks=pytest.mark.skipif(bool(missing()), reason=missing())),
]

_numbers = itertools.count()


@pytest.fixture(params=STORAGES)
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    if request.param == "memory":
        yield MemoryStorage()
    elif request.param == "sqlite":
        with SQLiteStorage(tmp_path / "runs.db", synchronous="normal") as in_file:
            yield in_file
    else:
        conninfo = request.getfixturevalue("postgresql_server")
        with PostgreSQLStorage(conninfo, schema=f"s{os.getpid()}_{next(_numbers)}") as on_server:
            yield on_server


def run_of(run_id: str, *, key: str | None = None, workflow: str = "w") -> StoredRun:
    return StoredRun(run_id, workflow, "f", '{"n": 1}', key)


def test_a_run_comes_back_as_it_was_given(storage: Storage) -> None:
    before = time.time()

    assert storage.create(run_of("r", key="k"), "me", 30.0)

    run = storage.load("r")
    assert run is not None
    assert (run.id, run.workflow, run.fingerprint, run.inputs, run.key) == ("r", "w", "f", '{"n": 1}', "k")
    assert (run.state, run.outcome, run.owner) == (RunState.RUNNING, None, "me")
    assert 0 < run.lease_left <= 30.0
    assert before - 1 < run.created <= run.updated < time.time() + 1
    assert storage.find("w", "k") == storage.load("r") or storage.find("w", "k") is not None


def test_what_is_not_there_is_none_or_empty(storage: Storage) -> None:
    assert storage.load("r") is None
    assert storage.find("w", "k") is None
    assert list(storage.runs()) == []
    assert list(storage.entries("r")) == []
    assert list(storage.notes("r")) == []
    assert not storage.claim("r", "me", 1.0)
    assert not storage.renew("r", "me", 1.0)
    assert not storage.save("r", "me", Entry("ended", "a", "1"))
    assert not storage.end("r", "me", RunState.FAILED, None)
    assert not storage.note("r", Note("cancel", "1"))
    assert not storage.delete("r")


def test_an_id_and_a_key_are_given_once(storage: Storage) -> None:
    assert storage.create(run_of("r", key="k"), "me", 30.0)

    assert not storage.create(run_of("r"), "me", 30.0)
    assert not storage.create(run_of("r2", key="k"), "me", 30.0)
    assert storage.create(run_of("r3", key="k", workflow="another"), "me", 30.0)
    assert storage.load("r2") is None


def test_entries_come_back_in_their_order_whatever_is_in_them(storage: Storage) -> None:
    storage.create(run_of("r"), "me", 30.0)
    entries = [
        Entry("ended", f"step{number}", text)
        for number, text in enumerate(["'", '"', "%s ?", "\\u0000", "x" * 100_000, ""])
    ]

    assert all(storage.save("r", "me", entry) for entry in entries)

    assert list(storage.entries("r")) == entries


def test_only_who_has_the_lease_writes(storage: Storage) -> None:
    storage.create(run_of("r"), "me", 30.0)

    assert not storage.save("r", "you", Entry("ended", "a", "1"))
    assert not storage.renew("r", "you", 30.0)
    assert not storage.end("r", "you", RunState.SUCCEEDED, None)
    assert not storage.claim("r", "you", 30.0)
    assert list(storage.entries("r")) == []


def test_a_lease_that_has_run_out_can_be_claimed_and_is_lost_to_the_one_who_had_it(storage: Storage) -> None:
    storage.create(run_of("r"), "me", 0.0)

    assert storage.claim("r", "you", 30.0)

    assert not storage.save("r", "me", Entry("ended", "a", "1"))
    assert not storage.renew("r", "me", 30.0)
    assert not storage.end("r", "me", RunState.SUCCEEDED, None)
    assert storage.save("r", "you", Entry("ended", "a", "2"))
    assert [entry.data for entry in storage.entries("r")] == ["2"]


def test_a_lease_that_has_run_out_and_nobody_has_claimed_is_still_good(storage: Storage) -> None:
    storage.create(run_of("r"), "me", 0.0)

    assert storage.save("r", "me", Entry("ended", "a", "1"))
    assert storage.renew("r", "me", 30.0)
    assert not storage.claim("r", "you", 30.0)


def test_a_lease_can_be_claimed_from_one_who_is_named_and_from_nobody_else(storage: Storage) -> None:
    storage.create(run_of("r"), "me", 30.0)

    assert not storage.claim("r", "you", 30.0, instead_of="another")
    assert storage.claim("r", "you", 30.0, instead_of="me")
    assert not storage.claim("r", "they", 30.0, instead_of="me")


def test_the_end_gives_the_lease_back(storage: Storage) -> None:
    storage.create(run_of("r"), "me", 30.0)

    assert storage.end("r", "me", RunState.INTERRUPTED, '{"a": 1}')

    run = storage.load("r")
    assert run is not None
    assert (run.state, run.outcome, run.owner, run.lease_left) == (
        RunState.INTERRUPTED,
        '{"a": 1}',
        None,
        0.0,
    )
    assert not storage.save("r", "me", Entry("ended", "a", "1"))
    assert storage.claim("r", "you", 30.0)
    assert getattr(storage.load("r"), "state", None) is RunState.RUNNING


@pytest.mark.parametrize("state", [RunState.SUCCEEDED, RunState.CANCELLED])
def test_a_run_that_is_over_for_good_is_claimed_by_nobody(storage: Storage, state: RunState) -> None:
    storage.create(run_of("r"), "me", 30.0)
    storage.end("r", "me", state, "{}")

    assert not storage.claim("r", "you", 30.0)
    assert getattr(storage.load("r"), "state", None) is state


def test_notes_are_left_by_anybody_and_the_first_of_a_name_stays(storage: Storage) -> None:
    storage.create(run_of("r"), "me", 30.0)

    assert storage.note("r", Note("approval a", "1"))
    assert not storage.note("r", Note("approval a", "2"))
    assert storage.note("r", Note("cancel", "3"))

    assert sorted(storage.notes("r")) == [("approval a", "1"), ("cancel", "3")]


def test_runs_are_listed_the_newest_first_by_state_and_up_to_a_limit(storage: Storage) -> None:
    for name in ("a", "b", "c"):
        storage.create(run_of(name), "me", 30.0)
    storage.end("b", "me", RunState.WAITING, None)

    assert [run.id for run in storage.runs()] == ["c", "b", "a"]
    assert [run.id for run in storage.runs(limit=2)] == ["c", "b"]
    assert [run.id for run in storage.runs(RunState.RUNNING)] == ["c", "a"]
    assert [run.id for run in storage.runs(RunState.WAITING)] == ["b"]


def test_a_deleted_run_leaves_nothing_and_its_id_and_key_are_free(storage: Storage) -> None:
    storage.create(run_of("r", key="k"), "me", 30.0)
    storage.save("r", "me", Entry("ended", "a", "1"))
    storage.note("r", Note("cancel", "1"))
    in_progress = storage.delete("r")
    storage.end("r", "me", RunState.FAILED, None)

    assert storage.delete("r")

    assert not in_progress
    assert storage.find("w", "k") is None
    assert storage.create(run_of("r", key="k"), "me", 30.0)
    assert (list(storage.entries("r")), list(storage.notes("r"))) == ([], [])


def test_of_many_threads_that_want_a_run_one_gets_it(storage: Storage) -> None:
    storage.create(run_of("r"), "me", 0.0)
    start = threading.Barrier(8)

    def claim(number: int) -> bool:
        start.wait(10)
        return storage.claim("r", f"owner {number}", 30.0)

    with ThreadPoolExecutor(8) as pool:
        claimed = list(pool.map(claim, range(8)))

    run = storage.load("r")
    assert run is not None
    assert claimed.count(True) == 1
    assert run.owner == f"owner {claimed.index(True)}"


def test_of_many_threads_that_create_a_run_one_does(storage: Storage) -> None:
    start = threading.Barrier(8)

    def create(number: int) -> bool:
        start.wait(10)
        return storage.create(run_of(f"r{number}", key="k"), "me", 30.0)

    with ThreadPoolExecutor(8) as pool:
        created = list(pool.map(create, range(8)))

    assert created.count(True) == 1
    assert len(storage.runs()) == 1
