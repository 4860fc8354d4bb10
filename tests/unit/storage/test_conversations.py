"""A kept run has its conversations kept with its steps: who resumes it finds them as they were."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agent_runtime import (
    NotStorableError,
    Runtime,
    ScriptedClient,
    SQLiteStorage,
    StepStarted,
    Storage,
    tool_calls,
)
from agent_runtime.llm import LLMClient
from tests.helpers.agents import Recorded
from tests.helpers.counting import Counter, OwnError

HELLO = "agent: {memory: chat, messages: [{role: user, content: hello}]}"

SUMMED_UP = (
    "agent: {memory: {name: chat, summary: {after: 2, keep: 0}},"
    " messages: [{role: user, content: hello}, {role: user, content: you}]}"
)


def talk(greet: str = HELLO) -> str:
    """Return a workflow: an agent step, one that may fail, and another agent step of that conversation."""
    return f"""
steps:
  - {{id: greet, {greet}}}
  - {{id: count, needs: greet, tool: count, with: {{value: 1}}}}
  - {{id: ask, needs: count, agent: {{memory: chat, messages: [{{role: user, content: "and now?"}}]}}}}
"""


def clock() -> str:
    return "12:00"


TOOLS: dict[str, Callable[..., object]] = {"clock": clock}


def fail_at_count(text: str, llm: LLMClient, storage: Storage, **more: Any) -> None:
    """Let a run come to its step 'count', and fail there."""
    count = Counter()
    count.fails_at = 1
    with pytest.raises(OwnError):
        Runtime(text, tools={"count": count, **TOOLS}, llm=llm, storage=storage, **more).run(run_id="r")


def heard_when_resumed(text: str, storage: Storage, **more: Any) -> list[list[object]]:
    """Go on with that run, and return what the client is asked then."""
    client = Recorded("fine")
    Runtime(text, tools={"count": Counter(), **TOOLS}, llm=client, storage=storage, **more).resume("r")
    return [contents(question) for question in client.asked]


def contents(question: Mapping[str, Any]) -> list[object]:
    return [message["content"] for message in question["messages"]]


def test_resumed_run_goes_on_with_the_conversation_of_its_finished_steps(storage: Storage) -> None:
    fail_at_count(talk(), ScriptedClient({"greet": "hi"}), storage)

    assert heard_when_resumed(talk(), storage) == [["hello", "hi", "and now?"]]


def test_resumed_stream_goes_on_with_it_too(storage: Storage) -> None:
    client, count = Recorded("fine"), Counter()
    runtime = Runtime(talk(), tools={"count": count}, llm=client, storage=storage)
    count.fails_at = 1
    with pytest.raises(OwnError):
        list(runtime.stream(idempotency_key="k"))
    count.fails_at = None

    list(runtime.stream(idempotency_key="k"))

    assert [contents(question) for question in client.asked] == [["hello"], ["hello", "hello", "and now?"]]


def test_runs_do_not_hear_each_other(storage: Storage) -> None:
    client = Recorded("fine", "fine")
    runtime = Runtime(talk(), tools={"count": Counter()}, llm=client, storage=storage)

    runtime.run(run_id="r")
    runtime.run(run_id="s")

    assert contents(client.asked[0]) == contents(client.asked[2]) == ["hello"]


def test_calls_of_tools_and_their_results_are_kept_with_the_step(storage: Storage) -> None:
    text = talk("agent: {memory: chat, tools: [clock], messages: [{role: user, content: hello}]}")
    fail_at_count(text, ScriptedClient({"greet": [tool_calls("clock"), "noon"]}), storage)

    assert heard_when_resumed(text, storage) == [["hello", None, "12:00", "noon", "and now?"]]


def test_step_whose_result_could_not_be_kept_has_said_nothing(storage: Storage) -> None:
    odd = ScriptedClient({"greet": {"content": "hi", "at": datetime.date(2026, 1, 1)}})
    with pytest.raises(NotStorableError):
        Runtime(talk(), tools={"count": Counter()}, llm=odd, storage=storage).run(run_id="r")

    assert heard_when_resumed(talk(), storage) == [["hello"], ["hello", "hello", "and now?"]]


def test_step_that_has_failed_where_the_run_goes_on_has_said_nothing(storage: Storage) -> None:
    text = talk(f"on_error: continue, {HELLO}")
    fail_at_count(text, ScriptedClient({"greet": OSError("down")}), storage)

    assert heard_when_resumed(text, storage) == [["and now?"]]


def test_step_whose_summary_fails_has_said_nothing(storage: Storage) -> None:
    text = talk(f"on_error: continue, {SUMMED_UP}")
    fail_at_count(text, ScriptedClient({"greet": "hi", "greet:summary": OSError("down")}), storage)

    assert heard_when_resumed(text, storage) == [["and now?"]]


def test_fallback_that_answers_has_its_exchange_in_the_conversation(storage: Storage) -> None:
    text = talk(f"{HELLO}, fallback: {{{HELLO.replace('hello', 'plan b')}}}")
    client = ScriptedClient({"greet": OSError("down"), "greet:fallback": "answer b"})
    fail_at_count(text, client, storage)

    assert heard_when_resumed(text, storage) == [["plan b", "answer b", "and now?"]]


def test_summary_is_kept_and_not_asked_for_again(storage: Storage) -> None:
    text = talk(SUMMED_UP)
    fail_at_count(text, ScriptedClient({"greet": "hi", "greet:summary": "They said hello."}), storage)

    heard = [["The conversation so far: They said hello.", "and now?"]]
    assert heard_when_resumed(text, storage) == heard


def test_items_of_one_step_that_talk_at_the_same_time_are_all_heard(storage: Storage) -> None:
    text = talk(f"for_each: {{in: [1, 2, 3, 4], concurrency: 4}}, {HELLO}").replace(
        "hello", '"hello ${item}"'
    )
    fail_at_count(text, ScriptedClient(), storage)

    (said,) = heard_when_resumed(text, storage)

    assert sorted(map(str, said[:-1:2])) == ["hello 1", "hello 2", "hello 3", "hello 4"]
    assert said[:-1:2] == said[1:-1:2]  # the scripted client answers with what it is asked


def test_run_that_was_interrupted_hears_what_one_that_was_not_hears(storage: Storage) -> None:
    """Also of steps inside others, and of an attempt of those that was in vain."""
    text = """
    steps:
      - id: block
        retry: {attempts: 2}
        steps:
          - {id: greet, agent: {memory: chat, messages: [{role: user, content: hello}]}}
          - {id: fail, needs: greet, tool: fail_once}
      - {id: count, needs: block, tool: count, with: {value: 1}}
      - {id: ask, needs: count, agent: {memory: chat, messages: [{role: user, content: more}]}}
    """
    heard = []
    for run_id in ("whole", "interrupted"):
        times, client = itertools.count(), Recorded("fine")

        async def fail_once(times: Iterator[int] = times) -> None:
            if next(times) == 0:
                raise OwnError

        runtime = Runtime(
            text, tools={"count": Counter(), "fail_once": fail_once}, llm=client, storage=storage
        )
        if run_id == "interrupted":
            with closing(runtime.stream(run_id=run_id)) as events:
                next(each for each in events if isinstance(each, StepStarted) and each.step == "count")
            runtime.resume(run_id)
        else:
            runtime.run(run_id=run_id)
        heard.append(contents(client.asked[-1]))

    assert heard[0] == heard[1] == ["hello", "hello", "hello", "hello", "more"]


def test_secrets_are_blacked_out_in_what_is_kept(tmp_path: Path) -> None:
    text = talk() + '  - {id: use, when: false, tool: count, with: {value: "${secrets.key}"}}\n'
    secrets = {"key": "k3y-of-the-house"}
    with SQLiteStorage(tmp_path / "runs.db") as storage:
        fail_at_count(text, ScriptedClient({"greet": "k3y-of-the-house"}), storage, secrets=secrets)
        files = b"".join(path.read_bytes() for path in tmp_path.iterdir())

        heard = heard_when_resumed(text, storage, secrets=secrets)

    assert b'"***"' in files
    assert b"k3y-of-the-house" not in files
    assert heard == [["hello", "***", "and now?"]]
