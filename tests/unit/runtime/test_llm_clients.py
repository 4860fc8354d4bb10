"""Agent steps: how the three kinds of LLM clients are called, and what becomes of their replies."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from functools import partial
from typing import Any, cast

import pytest

from agent_runtime import LLMClient, LLMClientError, RunResult, Runtime, ScriptedClient, fast, run_workflow

ASK = (
    "name: chat\n"
    "id: chat-1\n"
    "inputs: {q: any}\n"
    "steps:\n"
    "  - id: ask\n"
    "    agent:\n"
    "      scenario: helper\n"
    "      version: 2\n"
    "      config: {model: small, n: '${inputs.q}'}\n"
    "      messages:\n"
    "        - {role: system, content: Be brief.}\n"
    "        - {role: user, content: '${inputs.q}'}\n"
)


def ask(llm: object, question: object = "Why?") -> RunResult:
    return run_workflow(ASK, inputs={"q": question}, llm=llm)  # type: ignore[arg-type]  # clients of all shapes


def reply(result: RunResult) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", result.outputs["ask"])


class AsyncClient:
    async def call_llm(self, **arguments: object) -> Mapping[str, object]:
        await asyncio.sleep(0)
        return {"content": threading.current_thread().name, "arguments": arguments}


class BlockingClient:
    def call_llm(self, **arguments: object) -> Mapping[str, object]:
        return {"content": threading.current_thread().name, "arguments": arguments}


class FastClient:
    @fast
    def call_llm(self, **arguments: object) -> Mapping[str, object]:
        return {"content": threading.current_thread().name, "arguments": arguments}


class CallableMethod:
    """``call_llm`` is an object with ``async def __call__``."""

    class _Method:
        async def __call__(self, **arguments: object) -> Mapping[str, object]:
            return {"content": threading.current_thread().name, "arguments": arguments}

    call_llm = _Method()


class PartialMethod:
    def __init__(self) -> None:
        self.call_llm = partial(AsyncClient().call_llm, extra=1)


class LateClient:
    """A ``def`` that returns an awaitable: called like a blocking one, then awaited."""

    def call_llm(self, **arguments: object) -> object:
        return AsyncClient().call_llm(**arguments)


@pytest.mark.parametrize(
    ("client", "place"),
    [
        pytest.param(AsyncClient(), "loop", id="async_def"),
        pytest.param(CallableMethod(), "loop", id="async_callable_object"),
        pytest.param(PartialMethod(), "loop", id="partial_of_async_def"),
        pytest.param(FastClient(), "loop", id="fast_def"),
        pytest.param(BlockingClient(), "worker", id="blocking_def"),
        pytest.param(LateClient(), "loop", id="def_that_returns_an_awaitable"),
    ],
)
def test_client_is_called_on_the_thread_of_its_kind(client: object, place: str) -> None:
    content = str(ask(client).steps["ask"].thread if place == "worker" else reply(ask(client))["content"])

    assert ("worker" in content) is (place == "worker")
    assert content != threading.current_thread().name


@pytest.mark.parametrize("client", [AsyncClient(), BlockingClient(), FastClient()])
def test_client_gets_exactly_the_seven_keywords(client: LLMClient) -> None:
    result = ask(client)

    assert reply(result)["arguments"] == {
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}],
        "config": {"model": "small", "n": "Why?"},
        "task_id": "step_ask",
        "workflow_name": "chat",
        "prompt_template": "helper",
        "template_version": "2",
        "metadata": {
            "workflow_id": "chat-1",
            "workflow_name": "chat",
            "step_id": "ask",
            "instance_id": result.run_id,
        },
    }


def test_content_of_a_message_is_text_also_when_the_reference_is_not() -> None:
    arguments = reply(ask(FastClient(), {"k": [1, "é"]}))["arguments"]

    assert arguments["messages"][1]["content"] == '{"k": [1, "é"]}'
    assert arguments["config"]["n"] == {"k": [1, "é"]}


@pytest.mark.parametrize("given", [{}, {"content": None}, {"usage": {"output_tokens": 3}}])
def test_missing_content_is_replaced(given: Mapping[str, object]) -> None:
    result = ask(ScriptedClient({"ask": given}))

    assert reply(result)["content"] == "No content generated"
    assert result.steps["ask"].usage == given.get("usage")


def test_empty_content_stays_empty() -> None:
    assert reply(ask(ScriptedClient({"ask": {"content": ""}})))["content"] == ""


@pytest.mark.parametrize("given", [None, "text", 3])
def test_reply_that_is_no_mapping_is_an_error(given: object) -> None:
    class Odd:
        def call_llm(self, **_arguments: object) -> object:
            return given

    with pytest.raises(LLMClientError, match=rf"call_llm\(\) returned {type(given).__name__}"):
        ask(Odd())


def test_exception_of_the_client_comes_out_as_it_is() -> None:
    error = ConnectionError("down")

    with pytest.raises(ConnectionError) as caught:
        ask(ScriptedClient({"ask": error}))

    assert caught.value is error


class NoMethod:
    pass


class WrongMethod:
    async def call_llm(self, prompt: str) -> str:
        return prompt


@pytest.mark.parametrize(
    ("client", "message"),
    [
        pytest.param(NoMethod(), "llm= got NoMethod, which has no method call_llm", id="no_method"),
        pytest.param(FastClient, "llm= got the class FastClient, not an instance", id="class"),
        pytest.param(WrongMethod(), r"call_llm\(\) of WrongMethod cannot be called", id="other_parameters"),
        pytest.param("gpt", "llm= got str", id="text"),
    ],
)
def test_what_is_no_client_is_refused_at_once(client: object, message: str) -> None:
    with pytest.raises(LLMClientError, match=message) as caught:
        Runtime(ASK, llm=client)  # type: ignore[arg-type]  # the mistake under test

    assert isinstance(caught.value, TypeError)


def test_default_client_answers_with_the_last_message() -> None:
    result = ask(None, "Why not now?")

    assert reply(result)["content"] == "Why not now?"
    assert result.steps["ask"].usage == {"input_tokens": 5, "output_tokens": 3}


def test_scripted_replies_are_used_one_by_one_and_the_last_one_stays() -> None:
    runtime = Runtime(ASK, llm=ScriptedClient({"ask": ["one", "two"]}))

    contents = [reply(runtime.run({"q": "?"}))["content"] for _ in range(3)]

    assert contents == ["one", "two", "two"]


def test_script_without_replies_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one reply"):
        ScriptedClient({"ask": []})
