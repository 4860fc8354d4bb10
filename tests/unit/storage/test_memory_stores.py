"""What every store of conversations promises, and what those in a database promise besides."""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import os
import pickle
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any, cast

import pytest

from agent_runtime import (
    Conversation,
    InMemoryStore,
    NotStorableError,
    Options,
    PostgreSQLMemoryStore,
    Runtime,
    ScriptedClient,
    SQLiteMemoryStore,
    SQLiteStorage,
    StorageError,
    run_workflow,
)
from agent_runtime.storage import StoredRun, sql, sqlite
from tests.helpers.children import run_child
from tests.helpers.postgresql import missing

LIMIT = 60.0

CHAT = """
inputs: {user: string, said: string}
steps:
  - id: ask
    agent:
      memory: {name: chat, key: "${inputs.user}"}
      messages: [{role: user, content: "${inputs.said}"}]
"""
Store = InMemoryStore | SQLiteMemoryStore | PostgreSQLMemoryStore

IN_POSTGRESQL = pytest.param(
    "postgresql", id="postgresql", marks=pytest.mark.skipif(bool(missing()), reason=missing())
)

_numbers = itertools.count()


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str, str]:
    """Return where the conversations are: a file, or the words that lead to a server, and a schema."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return "sqlite", str(tmp_path / "talks.db"), "-"
    return "postgresql", request.getfixturevalue("postgresql_server"), f"m{os.getpid()}_{next(_numbers)}"


def talk(place: tuple[str, str, str], name: str, ready: Barrier) -> None:
    """Say something fifteen times under one key; the whole of another process."""
    with store_at(*place) as store, Runtime(CHAT, options=Options(memory=store)) as runtime:
        load(store)
        ready.wait(LIMIT)
        for number in range(15):
            runtime.run({"user": "ada", "said": f"{name}{number}"})


def store_at(kind: str, where: str, schema: str) -> SQLiteMemoryStore | PostgreSQLMemoryStore:
    return (
        SQLiteMemoryStore(where, synchronous="normal")
        if kind == "sqlite"
        else PostgreSQLMemoryStore(where, schema=schema)
    )


@pytest.fixture(params=["memory", "sqlite", IN_POSTGRESQL])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "memory":
        yield InMemoryStore()
        return
    where = (
        tmp_path / "talks.db" if request.param == "sqlite" else request.getfixturevalue("postgresql_server")
    )
    with store_at(request.param, str(where), f"m{os.getpid()}_{next(_numbers)}") as made:
        yield made


def load(store: Store, key: str = "k") -> Conversation:
    return asyncio.run(store.load(key))


def save(store: Store, *contents: str, version: int, key: str = "k") -> bool:
    messages = [{"role": "user", "content": content} for content in contents]
    return asyncio.run(store.save(key, messages, version=version))


def contents(store: Store, key: str = "k") -> list[object]:
    return [message["content"] for message in load(store, key).messages]


# Every store


def test_nothing_has_been_said_under_a_new_key(store: Store) -> None:
    assert load(store) == Conversation((), 0)
    assert store.keys() == []


def test_what_is_saved_is_there_for_the_next_one_who_reads(store: Store) -> None:
    saved = save(store, "one", "\0 \ud83d ü", version=0)

    assert saved
    assert contents(store) == ["one", "\0 \ud83d ü"]
    assert load(store).version > 0


def test_who_has_read_the_latest_saves_and_who_comes_late_does_not(store: Store) -> None:
    save(store, "one", version=0)
    version = load(store).version

    saved = [save(store, "one", name, version=version) for name in ("two", "late")]

    assert saved == [True, False]
    assert contents(store) == ["one", "two"]


def test_of_two_who_begin_a_conversation_one_does(store: Store) -> None:
    assert [save(store, name, version=0) for name in ("one", "late")] == [True, False]
    assert contents(store) == ["one"]


def test_each_key_has_a_conversation_of_its_own(store: Store) -> None:
    save(store, "one", version=0, key="a")
    save(store, "two", version=0, key="b")

    assert (contents(store, "a"), contents(store, "b")) == (["one"], ["two"])
    assert store.keys() == ["a", "b"]


def test_what_is_forgotten_is_gone_with_its_key(store: Store) -> None:
    save(store, "one", version=0)

    store.forget("k")
    store.forget("never heard of")

    assert (load(store), store.keys()) == (Conversation((), 0), [])


def test_who_has_read_what_is_forgotten_since_cannot_bring_it_back(store: Store) -> None:
    """However often the next conversation under the key has been saved."""
    save(store, "secret", version=0)
    version = load(store).version
    store.forget("k")
    in_between = save(store, "secret", "late", version=version)
    save(store, "new", version=0)

    assert not in_between
    assert not save(store, "secret", "late", version=version)
    assert contents(store) == ["new"]


def test_exchanges_of_many_threads_under_one_key_are_all_kept_and_never_mixed(store: Store) -> None:
    runtime = Runtime(CHAT, options=Options(memory=store))

    with ThreadPoolExecutor(4) as pool:
        inputs = [{"user": "ada", "said": f"{name}{number}"} for name in "abcd" for number in range(5)]
        list(pool.map(runtime.run, inputs))

    said = contents(store, "chat/key/ada")
    assert sorted(map(str, said[::2])) == sorted(each["said"] for each in inputs)
    assert said[::2] == said[1::2]  # the scripted client answers with what it is asked


# Those in a database


@pytest.mark.parametrize("place", ["sqlite", IN_POSTGRESQL], indirect=True)
def test_processes_that_talk_at_the_same_time_lose_no_exchange(place: tuple[str, str, str]) -> None:
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.Barrier(2)
    children = [spawn.Process(target=talk, args=(place, name, ready)) for name in "ab"]
    for child in children:
        child.start()
    for child in children:
        child.join(LIMIT)

    assert [child.exitcode for child in children] == [0, 0]
    with store_at(*place) as store:
        said = contents(store, "chat/key/ada")
    assert [each for each in said[::2] if str(each)[0] == "a"] == [f"a{number}" for number in range(15)]
    assert [each for each in said[::2] if str(each)[0] == "b"] == [f"b{number}" for number in range(15)]
    assert said[::2] == said[1::2]


def test_message_that_json_cannot_express_fails_the_step_and_names_the_place(tmp_path: Path) -> None:
    client = ScriptedClient({"ask": {"content": {1, 2}}})
    with SQLiteMemoryStore(tmp_path / "talks.db") as store:
        with pytest.raises(NotStorableError, match=r"messages\[1\]\['content'\] is set"):
            run_workflow(
                CHAT, inputs={"user": "ada", "said": "hi"}, llm=client, options=Options(memory=store)
            )

        assert store.keys() == []


def test_loop_goes_on_while_another_process_writes(tmp_path: Path) -> None:
    async def talk(store: SQLiteMemoryStore, release: Callable[[], object]) -> bool:
        saving = asyncio.ensure_future(store.save("k", [], version=0))
        await asyncio.sleep(0)
        release()
        return await saving

    with SQLiteMemoryStore(tmp_path / "talks.db") as store:
        load(store)
        with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")

            assert asyncio.run(asyncio.wait_for(talk(store, lambda: other.execute("ROLLBACK")), LIMIT))


@pytest.mark.skipif(sys.platform == "win32", reason="os.fork() is POSIX's")
@pytest.mark.parametrize("place", ["sqlite", IN_POSTGRESQL], indirect=True)
def test_forked_child_and_its_parent_go_on_with_a_store_at_the_same_time(place: tuple[str, str, str]) -> None:
    text = """
    import os, sys
    from tests.unit.storage.test_memory_stores import contents, load, save, store_at

    store = store_at(*sys.argv[1:])
    save(store, version=0)
    child = os.fork()
    said = 0
    while said < 30:
        version = load(store).version
        said += save(store, *contents(store), "parent" if child else "child", version=version)
    if not child:
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    print(sorted(contents(store)) == ["child"] * 30 + ["parent"] * 30)
    store.close()
    """

    forking = "ignore:This process:DeprecationWarning"  # a worker thread may be about to end

    child = run_child(text, limit=LIMIT, options=("-W", forking), arguments=place).check()

    assert child.lines == ["True"]


def test_one_file_has_room_for_runs_and_conversations(tmp_path: Path) -> None:
    with SQLiteStorage(tmp_path / "all.db") as storage, SQLiteMemoryStore(tmp_path / "all.db") as store:
        runtime = Runtime(CHAT, options=Options(memory=store), storage=storage)
        runtime.run({"user": "ada", "said": "hi"}, run_id="r")

        assert storage.load("r") is not None
        assert contents(store, "chat/key/ada") == ["hi", "hi"]


def test_file_of_runs_that_an_older_release_has_written_gets_room_for_conversations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "MIGRATIONS", sql.MIGRATIONS[:1])
    with SQLiteStorage(tmp_path / "runs.db") as storage:
        storage.create(StoredRun("r", "w", "f", "{}"), "me", 30.0)
    monkeypatch.undo()

    with SQLiteMemoryStore(tmp_path / "runs.db") as store:
        assert save(store, "one", version=0)
    with SQLiteStorage(tmp_path / "runs.db") as storage:
        assert storage.load("r") is not None


def test_file_of_a_newer_release_is_refused(tmp_path: Path) -> None:
    with SQLiteMemoryStore(tmp_path / "talks.db") as store:
        save(store, "one", version=0)
    with closing(sqlite3.connect(tmp_path / "talks.db")) as connection:
        connection.execute("PRAGMA user_version = 99")

    with pytest.raises(
        StorageError, match=r"SQLiteMemoryStore\('.*talks\.db'\): its tables are of version 99"
    ):
        load(SQLiteMemoryStore(tmp_path / "talks.db"))


def test_key_that_a_database_cannot_take_is_an_error_and_the_store_goes_on(tmp_path: Path) -> None:
    with SQLiteMemoryStore(tmp_path / "talks.db") as store:
        save(store, "one", version=0)

        with pytest.raises(StorageError, match="surrogates not allowed"):
            load(store, "\ud83d")

        assert contents(store) == ["one"]


def test_store_is_sent_to_another_process_as_its_place(tmp_path: Path) -> None:
    with SQLiteMemoryStore(tmp_path / "talks.db", patience=3.0) as store:
        save(store, "one", version=0)

        with pickle.loads(pickle.dumps(store)) as copy:
            assert contents(copy) == ["one"]
            assert repr(copy) == repr(store)


def test_store_is_used_from_threads_without_a_lock_in_between(tmp_path: Path) -> None:
    with SQLiteMemoryStore(tmp_path / "talks.db", synchronous="normal") as store:
        save(store, "one", version=0)
        version, ready, saved = load(store).version, threading.Barrier(8), list[bool]()

        def late() -> None:
            ready.wait(LIMIT)
            saved.append(save(store, "two", version=version))

        threads = [threading.Thread(target=late) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LIMIT)

    assert sorted(saved) == [False] * 7 + [True]


def test_storage_of_runs_is_not_taken_for_a_store_of_conversations(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"memory= keeps conversations, and SQLiteStorage.* keeps runs"):
        Options(memory=cast("Any", SQLiteStorage(tmp_path / "runs.db")))
