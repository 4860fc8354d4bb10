"""The memory of agents: which conversation a step goes on with, how much of it, and who shares it."""

from __future__ import annotations

import asyncio
import json
import pickle
import threading
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest

from agent_runtime import (
    Conversation,
    InMemoryStore,
    MemoryConflictError,
    MemoryStore,
    Options,
    ReferenceValueError,
    Runtime,
    ScriptedClient,
    WorkflowError,
    run_workflow,
    tool_calls,
)
from tests.helpers.agents import LIMIT, Recorded

CHAT = """
inputs: {user: any, said: string}
steps:
  - id: ask
    agent:
      memory: {name: chat, key: "${inputs.user}"}
      messages:
        - {role: system, content: Be brief.}
        - {role: user, content: "${inputs.said}"}
"""
REPEATED = """
steps:
  - id: ask
    repeat: {max: 3}
    agent:
      memory: chat
      messages: [{role: user, content: "question ${index}"}]
"""


def chat(
    store: MemoryStore | None, *said: str, user: object = "ada", text: str = CHAT, tools: Any = None
) -> Recorded:
    client = Recorded(*(f"answer to {each}" for each in said))
    runtime = Runtime(text, llm=client, tools=tools, options=Options(memory=store))
    for each in said:
        runtime.run({"user": user, "said": each})
    return client


def contents(messages: Sequence[Mapping[str, object]]) -> list[object]:
    return [message["content"] for message in messages]


def kept(store: InMemoryStore, key: str = "chat/key/ada") -> Sequence[Mapping[str, object]]:
    return asyncio.run(store.load(key)).messages


def memory(more: str) -> str:
    return CHAT.replace("memory: {name: chat,", f"memory: {{name: chat, {more},")


# Which conversation


def test_conversation_under_a_key_goes_on_in_the_next_run() -> None:
    client = chat(InMemoryStore(), "one", "two")

    assert contents(client.last) == ["Be brief.", "one", "answer to one", "two"]


def test_each_key_has_a_conversation_of_its_own() -> None:
    store = InMemoryStore()
    chat(store, "one", user="ada")

    assert contents(chat(store, "two", user=7).last) == ["Be brief.", "two"]
    assert store.keys() == ["chat/key/ada", "chat/key/7"]


def test_conversation_without_a_key_is_that_of_the_run() -> None:
    client = Recorded("a", "b", "c", "d", "e", "f")
    runtime = Runtime(REPEATED, llm=client)

    runtime.run()
    runtime.run()

    assert contents(client.asked[2]["messages"]) == ["question 0", "a", "question 1", "b", "question 2"]
    assert contents(client.asked[3]["messages"]) == ["question 0"]


def test_steps_that_say_the_same_name_share_a_conversation() -> None:
    text = (
        "steps:\n"
        "  - {id: other, agent: {memory: chat, messages: [{role: user, content: one}]}}\n"
        "  - {id: ask, needs: other, agent: {memory: chat, messages: [{role: user, content: two}]}}\n"
    )
    client = Recorded("done")

    run_workflow(text, llm=client)

    assert contents(client.last) == ["one", "one", "two"]  # the other answers with what it is asked


@pytest.mark.parametrize("user", [None, "", True, 1.5, ["ada"]])
def test_key_that_is_no_key_fails_the_step_because_all_of_them_would_share_one(user: object) -> None:
    with pytest.raises(ReferenceValueError, match="the key of a memory is made of texts and numbers"):
        chat(InMemoryStore(), "one", user=user)


def test_key_without_a_store_is_a_mistake_of_the_file() -> None:
    with pytest.raises(WorkflowError) as caught:
        chat(None, "one")

    assert str(caught.value) == (
        "<workflow text>:6:15: the agent in step 'ask' keeps a conversation under a key, and the host has"
        " given no store for it; pass Options(memory=InMemoryStore()), or remove 'key'"
    )


# What is kept


def test_calls_of_tools_are_kept_and_system_messages_are_not() -> None:
    store = InMemoryStore()
    client = ScriptedClient({"ask": [tool_calls("clock"), "noon"]})

    run_workflow(
        CHAT.replace("memory:", "tools: [clock]\n      memory:"),
        inputs={"user": "ada", "said": "when?"},
        tools={"clock": lambda: "12:00"},
        llm=client,
        options=Options(memory=store),
    )

    assert [message["role"] for message in kept(store)] == ["user", "assistant", "tool", "assistant"]
    assert json.loads(json.dumps(kept(store))) == list(kept(store))


def test_answers_that_were_wrong_are_not_kept() -> None:
    store = InMemoryStore()

    run_workflow(
        CHAT.replace("memory:", "output: {fields: {n: integer}}\n      memory:"),
        inputs={"user": "ada", "said": "n?"},
        llm=ScriptedClient({"ask": ["?", '{"n": 1}']}),
        options=Options(memory=store),
    )

    assert contents(kept(store)) == ["n?", '{"n": 1}']


def test_nothing_is_kept_of_a_step_that_fails_or_of_its_attempts() -> None:
    store = InMemoryStore()
    text = CHAT.replace("- id: ask", "- id: ask\n    retry: {attempts: 2}")
    client = ScriptedClient({"ask": [OSError("down"), "hello"]})

    run_workflow(text, inputs={"user": "ada", "said": "hi"}, llm=client, options=Options(memory=store))

    assert contents(kept(store)) == ["hi", "hello"]


# How much of it


def test_window_keeps_the_last_messages() -> None:
    store = InMemoryStore()

    client = chat(store, "one", "two", "three", text=memory("window: 3"))

    assert contents(client.last) == ["Be brief.", "answer to one", "two", "answer to two", "three"]
    assert contents(kept(store)) == ["answer to two", "three", "answer to three"]


def test_window_never_begins_with_the_result_of_a_call_that_is_left_out() -> None:
    store = InMemoryStore()
    client = ScriptedClient({"ask": [tool_calls("clock", "clock"), "noon"]})

    run_workflow(
        memory("window: 3").replace("memory:", "tools: [clock]\n      memory:"),
        inputs={"user": "ada", "said": "when?"},
        tools={"clock": lambda: "12:00"},
        llm=client,
        options=Options(memory=store),
    )

    assert contents(kept(store)) == ["noon"]


def test_older_messages_are_summed_up_by_the_model() -> None:
    store = InMemoryStore()
    client = ScriptedClient({"ask": ["a1", "a2", "a3"], "ask:summary": "They said hello."})
    runtime = Runtime(memory("summary: {after: 4, keep: 2}"), llm=client, options=Options(memory=store))

    for said in ("q1", "q2", "q3"):
        result = runtime.run({"user": "ada", "said": said})

    assert contents(kept(store)) == ["The conversation so far: They said hello.", "q3", "a3"]
    assert [message["role"] for message in kept(store)] == ["system", "user", "assistant"]
    assert cast("Any", result.steps["ask"].usage)["output_tokens"] == 1 + 3


def test_summary_is_asked_for_with_a_prompt_of_the_file_and_the_transcript() -> None:
    client = Recorded("a1")
    text = memory("summary: {after: 2, keep: 1, prompt: Sum up!}").replace("ask", "ask")
    store = InMemoryStore()
    asyncio.run(store.save("chat/key/ada", [{"role": "user", "content": "hello"}], version=0))

    run_workflow(text, inputs={"user": "ada", "said": "q1"}, llm=client, options=Options(memory=store))

    assert client.asked[-1]["task_id"] == "step_ask:summary"
    assert contents(client.last) == ["Sum up!", "user: hello\nuser: q1"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        pytest.param("window: 3, summary: 9", "has both 'window' and 'summary'", id="both"),
        pytest.param("summary: {after: 3, keep: 3}", "must be less than 'after', which is 3", id="keep"),
        pytest.param("window: 0", "'window' in 'memory' of 'agent' of step 'ask' must be from 1", id="zero"),
        pytest.param("kind: short", "unknown key 'kind'", id="unknown"),
    ],
)
def test_mistake_in_a_memory_is_named(more: str, message: str) -> None:
    with pytest.raises(WorkflowError, match=message):
        Runtime(memory(more), options=Options(memory=InMemoryStore()))


# Many at once


def test_exchanges_of_many_threads_under_one_key_are_all_kept_and_never_mixed() -> None:
    store = InMemoryStore()
    runtime = Runtime(CHAT, options=Options(memory=store))

    def talk(name: str) -> None:
        for number in range(10):
            runtime.run({"user": "ada", "said": f"{name}{number}"})

    threads = [threading.Thread(target=talk, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)

    said = contents(kept(store))
    assert sorted(said[::2], key=str) == sorted(f"{name}{number}" for name in "abcd" for number in range(10))
    assert said[::2] == said[1::2]  # the scripted client answers with what it is asked


def test_only_one_of_many_threads_saves_a_version() -> None:
    store = InMemoryStore()
    ready = threading.Barrier(8)
    saved: list[int] = []

    def save(number: int) -> None:
        for times in range(100):
            ready.wait(LIMIT)
            version = asyncio.run(store.load("k")).version
            ready.wait(LIMIT)
            if asyncio.run(store.save("k", [{"n": number}], version=version)):
                saved.append(times)

    threads = [threading.Thread(target=save, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)

    assert saved == list(range(100))


def test_who_comes_too_late_saves_nothing_however_late() -> None:
    async def late() -> tuple[list[bool], Conversation]:
        store = InMemoryStore()
        for version in range(50):
            assert await store.save("k", [{"n": version}], version=version)
        return [await store.save("k", [], version=version) for version in range(50)], await store.load("k")

    saved, conversation = asyncio.run(late())

    assert saved == [False] * 50
    assert conversation == Conversation(({"n": 49},), 50)


def test_store_that_never_saves_ends_in_an_error() -> None:
    class Busy(InMemoryStore):
        async def save(self, *_arguments: object, **_more: object) -> bool:
            return False

    with pytest.raises(MemoryConflictError, match="could not keep its conversation 'chat/key/ada'"):
        chat(Busy(), "one")


def test_exception_of_a_store_comes_out_as_it_is() -> None:
    error = ConnectionError("down")

    class Down(InMemoryStore):
        async def load(self, key: str) -> Conversation:
            assert key == "chat/key/ada"
            raise error

    with pytest.raises(ConnectionError) as caught:
        chat(Down(), "one")

    assert caught.value is error


def test_store_can_run_an_agent_of_its_own() -> None:
    store = InMemoryStore()

    def ask(said: str) -> str:
        return f"asked {said}: " + str(chat(store, said, user="inner").last[-1]["content"])

    result = run_workflow(
        CHAT.replace("memory:", "tools: [ask]\n      memory:"),
        inputs={"user": "ada", "said": "x"},
        tools={"ask": ask},
        llm=ScriptedClient({"ask": [tool_calls(("ask", {"said": "y"})), "done"]}),
        options=Options(memory=store),
    )

    assert cast("Any", result.outputs["ask"])["calls"][0]["content"] == "asked y: y"
    assert sorted(store.keys()) == ["chat/key/ada", "chat/key/inner"]


def test_store_in_memory_is_not_sent_to_another_process() -> None:
    with pytest.raises(TypeError, match="cannot be sent to another process"):
        pickle.dumps(InMemoryStore())


def test_conversation_can_be_forgotten() -> None:
    store = InMemoryStore()
    chat(store, "one")

    store.forget("chat/key/ada")

    assert (store.keys(), list(kept(store))) == ([], [])


def test_options_take_a_store_and_nothing_else() -> None:
    with pytest.raises(TypeError, match="memory= is a MemoryStore"):
        Options(memory=cast("Any", {}))
