"""PostgreSQLStorage, with a real server: what concerns the server alone, and runs that are kept there."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from agent_runtime import PostgreSQLStorage, Runtime, StorageError
from agent_runtime.storage import Entry, StoredRun, postgresql, sql
from tests.helpers.agents import Recorded
from tests.helpers.children import run_child
from tests.helpers.counting import TWO, Counter, OwnError
from tests.helpers.postgresql import missing

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())

LIMIT = 60.0


@pytest.fixture
def schema(request: pytest.FixtureRequest) -> str:
    return f"s{os.getpid()}_{abs(hash(request.node.name))}"


@pytest.fixture
def storage(postgresql_server: str, schema: str) -> Iterator[PostgreSQLStorage]:
    with PostgreSQLStorage(postgresql_server, schema=schema) as made:
        yield made


def test_a_failed_run_goes_on_with_the_step_that_failed(storage: PostgreSQLStorage) -> None:
    count = Counter()
    runtime = Runtime(TWO, tools={"count": count}, storage=storage)
    count.fails_at = 2
    with pytest.raises(OwnError):
        runtime.run({"n": 1}, idempotency_key="k")
    count.fails_at = None

    results = [runtime.run({"n": 1}, idempotency_key="k") for _ in range(2)]

    assert [result.outputs for result in results] == [{"a": 2, "b": 3}] * 2
    assert count.calls == [1, 2, 2]


def test_a_resumed_run_goes_on_with_its_conversation(storage: PostgreSQLStorage) -> None:
    text = """
    steps:
      - {id: ask, agent: {memory: chat, messages: [{role: user, content: hello}]}}
      - {id: count, needs: ask, tool: count, with: {value: 1}}
      - {id: bye, needs: count, agent: {memory: chat, messages: [{role: user, content: bye}]}}
    """
    count, client = Counter(), Recorded("hi, \0 and \ud83d")
    runtime = Runtime(text, tools={"count": count}, llm=client, storage=storage)
    count.fails_at = 1
    with pytest.raises(OwnError):
        runtime.run(run_id="r")
    count.fails_at = None

    runtime.resume("r")

    assert [message["content"] for message in client.last] == ["hello", "hi, \0 and \ud83d", "bye"]


def test_threads_that_call_with_one_key_get_the_result_of_one_run(storage: PostgreSQLStorage) -> None:
    count = Counter()
    runtime = Runtime(TWO, tools={"count": count}, storage=storage)

    with ThreadPoolExecutor(4) as pool:
        results = list(
            pool.map(lambda _: runtime.run({"n": 1}, idempotency_key="k", timeout=LIMIT), range(4))
        )

    assert results == results[:1] * 4
    assert count.calls == [1, 2]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the lease of a killed process has to run out")
def test_a_run_whose_process_was_killed_is_resumed(postgresql_server: str) -> None:
    text = """
    import os, sys
    from agent_runtime import PostgreSQLStorage, Runtime

    def work(name):
        print(name, flush=True)
        if name == "b" and sys.argv[2] == "die":
            os.kill(os.getpid(), 9)
        return name

    storage = PostgreSQLStorage(sys.argv[1], schema="killed")
    runtime = Runtime(
        "steps:\\n  - {id: a, function: work, with: {name: a}}\\n"
        "  - {id: b, function: work, needs: a, with: {name: b}}\\n",
        functions={"work": work}, storage=storage)
    print(runtime.run(idempotency_key="k").outputs)
    storage.close()
    """

    killed = run_child(text, arguments=(postgresql_server, "die"))
    resumed = run_child(text, arguments=(postgresql_server, "live")).check()

    assert (killed.returncode, killed.lines) == (-9, ["a", "b"])
    assert resumed.lines == ["b", "{'a': 'a', 'b': 'b'}"]


def test_an_entry_that_is_being_added_is_seen_by_who_claims_the_run(
    storage: PostgreSQLStorage, postgresql_server: str, schema: str
) -> None:
    """The claim waits for the entry: else its own entries would lack one that the other knows is kept."""
    import psycopg

    storage.create(StoredRun("r", "w", "f", "{}"), "me", 0.0)
    claimed = threading.Event()

    def claim() -> list[str]:
        assert storage.claim("r", "you", 30.0)
        claimed.set()
        return [entry.step for entry in storage.entries("r")]

    with (
        closing(psycopg.connect(postgresql_server)) as other,
        ThreadPoolExecutor(1) as pool,
    ):
        other.execute(f"SET search_path TO {schema}".encode())
        other.execute(storage._sql.save.encode(), ["ended", "a", "1", "r", "me"])
        seen = pool.submit(claim)
        was_early = claimed.wait(0.5)
        other.commit()

        assert seen.result(LIMIT) == ["a"]
    assert not was_early
    assert not storage.save("r", "me", Entry("ended", "b", "1"))


def test_tables_of_a_newer_release_are_refused_and_older_ones_brought_up(
    storage: PostgreSQLStorage, postgresql_server: str, schema: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.create(StoredRun("r", "w", "f", "{}"), "me", 30.0)
    newer = (*sql.MIGRATIONS, ("ALTER TABLE runs ADD COLUMN more TEXT DEFAULT 'new'",))
    monkeypatch.setattr(postgresql, "MIGRATIONS", newer)
    with PostgreSQLStorage(postgresql_server, schema=schema) as later:
        assert later.load("r") is not None
    monkeypatch.undo()

    earlier = PostgreSQLStorage(postgresql_server, schema=schema)
    with pytest.raises(StorageError, match=r"tables are of version \d+, and this release knows \d+ at most"):
        earlier.load("r")


def test_a_server_that_is_not_there_is_named(tmp_path: object) -> None:
    with pytest.raises(StorageError, match="OperationalError: "):
        PostgreSQLStorage(f"host={tmp_path} user=tester").load("r")


def test_a_connection_that_breaks_stops_the_run_and_the_next_call_makes_a_new_one(
    storage: PostgreSQLStorage, postgresql_server: str
) -> None:
    import psycopg

    def cut() -> None:
        with psycopg.connect(postgresql_server, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            )

    text = "steps:\n  - {id: a, function: cut}\n"
    with pytest.raises(StorageError, match=r"terminating connection|closed the connection"):
        Runtime(text, functions={"cut": cut}, storage=storage).run(run_id="r")

    run = storage.load("r")
    assert run is not None
    result = Runtime(text, functions={"cut": lambda: "done"}, storage=storage).run(idempotency_key="another")
    assert result.outputs == {"a": "done"}


def test_a_schema_is_a_plain_name() -> None:
    with pytest.raises(ValueError, match="small letters, digits"):
        PostgreSQLStorage(schema='a"; DROP TABLE runs; --')
