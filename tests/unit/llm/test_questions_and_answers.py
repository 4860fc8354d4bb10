"""OpenAICompatibleClient against a server that behaves: what is sent, and what becomes of the answer."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest

from agent_runtime import (
    HTTPOptions,
    LLMRequestError,
    OpenAICompatibleClient,
    Secret,
    run_workflow,
)
from tests.helpers.children import run_child
from tests.helpers.model_clients import KEY, ask, client_of, executor
from tests.helpers.model_server import completion, says, serving

CALL = {"id": "call_a", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
TOOL = {"type": "function", "function": {"name": "add", "description": "", "parameters": {"type": "object"}}}


def test_question_is_sent_as_the_chat_format_has_it() -> None:
    with serving() as server, client_of(server.url) as client:
        ask(client, temperature=0)
        (request,) = server.requests

    assert request.head == "POST /v1/chat/completions HTTP/1.1"
    assert request.body == {
        "model": "tiny",
        "messages": [{"role": "user", "content": "hi"}],
        "temperature": 0,
    }
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["accept-encoding"] == "identity"


def test_reply_has_content_and_tokens_and_where_it_came_from() -> None:
    with serving(says("four")) as server, client_of(server.url) as client:
        result = executor(client).run()

    assert result.outputs["ask"] == {
        "content": "four",
        "finish_reason": "stop",
        "id": "chatcmpl-1",
        "model": "tiny-1",
        "usage": {"input_tokens": 5, "output_tokens": 7, "total_tokens": 12},
    }
    assert result.steps["ask"].usage == {"input_tokens": 5, "output_tokens": 7, "total_tokens": 12}


@pytest.mark.parametrize(
    ("own", "of_the_step", "sent"),
    [
        pytest.param({}, {}, {"model": "tiny"}, id="model_of_the_client"),
        pytest.param({}, {"model": "big"}, {"model": "big"}, id="model_of_the_step_wins"),
        pytest.param({"top_p": 1}, {}, {"model": "tiny", "top_p": 1}, id="setting_of_the_client"),
        pytest.param({"top_p": 1}, {"top_p": 0.5}, {"model": "tiny", "top_p": 0.5}, id="setting_of_the_step"),
        pytest.param({"top_p": 1}, {"top_p": None}, {"model": "tiny"}, id="null_takes_a_setting_back"),
    ],
)
def test_settings_of_the_step_win_over_those_of_the_client(
    own: Mapping[str, object], of_the_step: dict[str, Any], sent: Mapping[str, object]
) -> None:
    with serving() as server, client_of(server.url, config=own) as client:
        ask(client, **of_the_step)
        body = server.requests[0].body

    assert {name: value for name, value in body.items() if name != "messages"} == sent


def test_tools_and_response_format_are_passed_on_and_tool_calls_come_back() -> None:
    schema = {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}}}
    with serving(says(None, tool_calls=[CALL])) as server, client_of(server.url) as client:
        reply = asyncio.run(call(client, tools=[TOOL], response_format=schema, tool_choice="auto"))
        body = server.requests[0].body

    assert (body["tools"], body["response_format"], body["tool_choice"]) == ([TOOL], schema, "auto")
    assert reply["tool_calls"] == [CALL]
    assert reply["content"] is None
    assert reply["finish_reason"] == "tool_calls"


async def call(client: OpenAICompatibleClient, **config: object) -> Mapping[str, Any]:
    return await client.call_llm(
        messages=({"role": "user", "content": "hi"},),
        config=MappingProxyType(config),
        task_id="step_ask",
        workflow_name="w",
        prompt_template=None,
        template_version=None,
        metadata={},
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(
            {"function": {"name": "f", "arguments": {"a": 1}}},
            {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}},
            id="arguments_as_an_object_and_no_id",
        ),
        pytest.param(
            {"id": "x", "function": {"name": "f", "arguments": ""}},
            {"id": "x", "type": "function", "function": {"name": "f", "arguments": "{}"}},
            id="empty_arguments",
        ),
        pytest.param(
            {"id": "x", "function": {"name": "f"}},
            {"id": "x", "type": "function", "function": {"name": "f", "arguments": "{}"}},
            id="no_arguments",
        ),
    ],
)
def test_tool_calls_of_lenient_servers_come_out_in_the_one_form(
    given: Mapping[str, object], expected: Mapping[str, object]
) -> None:
    with serving(says(None, tool_calls=[given])) as server, client_of(server.url) as client:
        reply = asyncio.run(call(client))

    assert reply["tool_calls"] == [expected]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param("é 漢 \U0001f600", "é 漢 \U0001f600", id="any_language"),
        pytest.param("", "", id="empty"),
        pytest.param([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "ab", id="parts"),
        pytest.param("\ud83d", "\ufffd", id="half_a_character"),
    ],
)
def test_content_is_text(content: object, expected: str) -> None:
    with serving(says(content)) as server, client_of(server.url) as client:
        assert ask(client)["content"] == expected


def test_cached_and_reasoning_tokens_are_counted_too() -> None:
    usage = {
        "prompt_tokens": 9,
        "completion_tokens": 4,
        "prompt_tokens_details": {"cached_tokens": 8, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
    with serving(says({**completion(), "usage": usage})) as server, client_of(server.url) as client:
        counted = ask(client)["usage"]

    assert counted == {
        "input_tokens": 9,
        "output_tokens": 4,
        "cached_input_tokens": 8,
        "reasoning_tokens": 3,
    }


@pytest.mark.parametrize("usage", [None, "many", {}, {"prompt_tokens": "5"}, {"prompt_tokens": -1}])
def test_usage_that_makes_no_sense_is_left_out(usage: object) -> None:
    with serving(says({**completion(), "usage": usage})) as server, client_of(server.url) as client:
        assert "usage" not in ask(client)


def test_refusal_of_the_model_is_in_the_reply() -> None:
    with serving(says(None, refusal="I would rather not")) as server, client_of(server.url) as client:
        assert ask(client)["refusal"] == "I would rather not"


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        pytest.param({"model": None}, "no model is named", id="no_model"),
        pytest.param({"model": 3}, "no model is named", id="model_is_no_text"),
        pytest.param({"stream": True}, "'config' has 'stream', which the client sets itself", id="stream"),
        pytest.param({"messages": []}, "'config' has 'messages'", id="messages"),
        pytest.param({"n": 2}, "asks for 2 answers with 'n'", id="several_answers"),
        pytest.param({"seed": float("nan")}, "'seed' cannot be sent as JSON", id="no_number"),
        pytest.param({"stop": {"a"}}, "'stop' cannot be sent as JSON: set is no JSON", id="no_json"),
    ],
)
def test_question_that_cannot_be_sent_is_refused_before_anything_is(
    config: Mapping[str, object], problem: str
) -> None:
    with serving() as server, client_of(server.url) as client:
        with pytest.raises(LLMRequestError, match=problem):
            asyncio.run(call(client, **config))

        assert server.connections == 0


def test_half_a_character_in_a_question_is_sent_as_json_can_write_it() -> None:
    with serving() as server, client_of(server.url) as client:
        executor(client, {"role": "user", "content": "\ud83d!"}).run()

        assert server.requests[0].body["messages"][0]["content"] == "\ud83d!"


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        pytest.param("api.example.com/v1", "write it as https://host/v1", id="no_scheme"),
        pytest.param("ftp://host/v1", "write it as https://host/v1", id="another_scheme"),
        pytest.param("https:///v1", "write it as https://host/v1", id="no_host"),
        pytest.param("https://user:pass@host/v1", "a name or a password in it", id="password"),
        pytest.param("https://host:port/v1", "is no URL", id="port"),
        pytest.param("https://host/v1#top", "has a fragment", id="fragment"),
        pytest.param("https://host/v 1", "a space", id="space"),
        pytest.param("https://host/v1/chat/completions", "leave that out", id="whole_path"),
        pytest.param("http://api.example.com/v1", "is plain http to api.example.com", id="plain_http"),
        pytest.param("http://127.0.0.1.example.com/v1", "is plain http", id="looks_like_loopback"),
    ],
)
def test_url_that_could_only_be_a_mistake_is_refused(url: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as caught:
        OpenAICompatibleClient(url)

    assert "pass@" not in str(caught.value)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.9.1", "[::1]"])
def test_plain_http_to_this_machine_is_allowed(host: str) -> None:
    assert repr(OpenAICompatibleClient(f"http://{host}:8080/v1/")) == (
        f"OpenAICompatibleClient('http://{host}:8080/v1/chat/completions', model=None)"
    )


def test_plain_http_to_another_machine_is_allowed_by_name() -> None:
    options = HTTPOptions(allow_plain_http=True)

    assert "inside.example" in repr(OpenAICompatibleClient("http://inside.example/v1", options=options))


def test_query_of_the_url_is_sent_and_not_shown() -> None:
    with serving() as server, client_of(f"{server.url}?api-version=2") as client:
        ask(client)

        assert server.requests[0].head == "POST /v1/chat/completions?api-version=2 HTTP/1.1"
        assert "api-version" not in repr(client)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        pytest.param({"timeout": 0}, "timeout= is 0", id="timeout"),
        pytest.param({"read_timeout": float("nan")}, "read_timeout= is nan", id="nan"),
        pytest.param({"retries": -1}, "retries= is -1", id="retries"),
        pytest.param({"max_connections": 0}, "max_connections= is 0", id="connections"),
        pytest.param({"max_reply_bytes": 1.5}, "max_reply_bytes= is a whole number", id="bytes"),
        pytest.param({"retries": True}, "retries= is a whole number", id="bool"),
        pytest.param({"connect_timeout": None}, "connect_timeout= is a number", id="none"),
        pytest.param({"random": 0.5}, "random= is a function", id="random"),
    ],
)
def test_option_that_could_only_be_a_mistake_is_refused(given: dict[str, Any], problem: str) -> None:
    with pytest.raises((TypeError, ValueError), match=problem):
        HTTPOptions(**given)


def test_environment_and_netrc_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-environment")
    with serving() as server, client_of(server.url, api_key=None) as client:
        ask(client)

        assert "authorization" not in server.requests[0].headers


def test_key_of_the_environment_is_used_where_the_host_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "sk-of-the-environment")
    key = Secret(lambda: os.environ["MY_KEY"])
    with serving() as server, client_of(server.url, api_key=key) as client:
        ask(client)

        assert server.requests[0].headers["authorization"] == "Bearer sk-of-the-environment"


def test_httpx_is_imported_with_the_first_client_and_not_before() -> None:
    code = """
        import sys
        import agent_runtime
        from agent_runtime import OpenAICompatibleClient
        assert "httpx" not in sys.modules
        OpenAICompatibleClient("https://host/v1")
        assert "httpx" in sys.modules
    """
    run_child(code).check()


def test_missing_httpx_is_said_with_the_extra_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)

    with pytest.raises(ImportError) as caught:
        OpenAICompatibleClient("https://host/v1")

    assert str(caught.value) == (
        "OpenAICompatibleClient needs the library httpx, which is not installed;"
        " pip install 'agent-runtime[httpx]'"
    )


def test_step_that_uses_a_field_of_the_reply_gets_it() -> None:
    workflow = """
        name: chain
        steps:
          - {id: ask, agent: {messages: [{role: user, content: hi}]}}
          - {id: again, agent: {messages: [{role: user, content: "${steps.ask.output.content}"}]}}
        outputs: {answer: "${steps.again.output.content}", tokens: "${steps.ask.output.usage.input_tokens}"}
    """
    with serving(says("one"), says("two")) as server, client_of(server.url) as client:
        result = run_workflow(workflow, llm=client)

        assert result.outputs == {"answer": "two", "tokens": 5}
        assert server.requests[1].body["messages"][0]["content"] == "one"
