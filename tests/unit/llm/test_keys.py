"""The key of OpenAICompatibleClient: sent to the server, and shown nowhere."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import pickle
import traceback
from typing import Any

import pytest

from agent_runtime import (
    LLMRequestError,
    LLMServiceError,
    OpenAICompatibleClient,
    RedactingFilter,
    RunFailed,
    Secret,
    redact,
)
from tests.helpers.model_clients import KEY, ask, client_of, executor
from tests.helpers.model_server import Behaviour, answers, hangs, head, raw, refuses, says, serving, streams

ECHO = f"wrong key {KEY}, as JSON {json.dumps(KEY)}, in base64 {base64.b64encode(KEY.encode()).decode()}"


def traceback_of(error: BaseException) -> str:
    """Return a traceback with the values of all variables, but for those of the test itself."""
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    assert shown.stack[0].name.startswith("test_")
    del shown.stack[0]
    return "".join(shown.format())


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(refuses(401, ECHO), id="refusal"),
        pytest.param(refuses(401, "x" * 190 + KEY), id="cut_in_the_middle"),
        pytest.param(answers(401, ECHO.encode(), kind="text/plain"), id="refusal_as_text"),
        pytest.param(answers(200, ECHO.encode()), id="no_json"),
        pytest.param(answers(200, b" " * 3_000 + KEY.encode() + b"x" * 9_000), id="long_text"),
        pytest.param(answers(200, b" " * 3_985 + KEY.encode() + b"x" * 9_000), id="where_long_text_is_cut"),
        pytest.param(answers(200, json.dumps({KEY: 1}).encode()), id="name_of_a_field"),
        pytest.param(answers(200, json.dumps({"error": {"message": "", "code": KEY}}).encode()), id="code"),
        pytest.param(answers(200, b"", kind=KEY), id="content_type"),
        pytest.param(answers(200, b"x", Content_Encoding=KEY), id="content_encoding"),
        pytest.param(answers(307, b"", Location=f"https://x.example/{KEY}"), id="redirect"),
        pytest.param(raw(f"HTTP/1.1 {KEY} {KEY}\r\n\r\n".encode()), id="garbage"),
        pytest.param(raw(f"HTTP/1.1 200 OK\r\n{KEY}\r\n\r\n".encode()), id="broken_head"),
        pytest.param(raw(b""), id="hung_up"),
        pytest.param(hangs(), id="silence"),
    ],
)
@pytest.mark.parametrize("is_streamed", [False, True], ids=["call", "stream"])
def test_key_is_in_no_error_no_traceback_no_event_and_no_log_of_ours(
    script: Behaviour, is_streamed: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "agent_runtime")
    seen: list[object] = []
    with serving(script) as server, client_of(server.url, retries=1, read_timeout=0.3) as client:
        with pytest.raises(LLMServiceError) as caught:
            if is_streamed:
                seen += executor(client).stream()
            else:
                ask(client)
        assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"

    shown = traceback_of(caught.value)
    encoded = base64.b64encode(KEY.encode()).decode()[:20]
    for text in (shown, str(vars(caught.value)), repr(pickle.dumps(caught.value)), caplog.text, str(seen)):
        assert KEY not in text
        assert encoded not in text
        assert KEY[3:15] not in text
    assert KEY not in repr(client)


def test_no_library_logs_the_key_of_a_request(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with serving(refuses(503), says()) as server, client_of(server.url) as client:
        ask(client)

    assert "httpcore" in {record.name.partition(".")[0] for record in caplog.records}
    assert KEY not in caplog.text


def test_key_that_a_server_repeats_in_its_headers_is_filtered_out_of_the_logs_of_libraries(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.handler.addFilter(RedactingFilter())
    script = raw(head(X_Your_Key=KEY))
    with serving(script) as server, client_of(server.url) as client, pytest.raises(LLMServiceError):
        ask(client)

    assert "'***'" in caplog.text
    assert KEY not in caplog.text


def test_key_is_in_no_event_of_a_stream_that_fails() -> None:
    with serving(refuses(401, ECHO)) as server, client_of(server.url) as client:
        events = []
        with pytest.raises(LLMServiceError):
            for event in executor(client).stream():
                events.append(event)  # noqa: PERF402 - what came before the error counts

    (failed,) = [event for event in events if isinstance(event, RunFailed)]
    assert "wrong key ***" in failed.error


def test_key_is_known_to_what_blacks_out_logs_while_the_client_lives() -> None:
    with serving() as server, client_of(server.url) as client:
        ask(client)

        assert redact(f"Bearer {KEY}") == "Bearer ***"


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(Secret("sk-value"), id="value"),
        pytest.param(Secret(lambda: "sk-value"), id="secret_that_is_fetched"),
        pytest.param(lambda: "sk-value", id="function"),
        pytest.param(lambda: Secret("sk-value"), id="function_that_returns_a_secret"),
        pytest.param(lambda: asyncio.sleep(0, "sk-value"), id="async_function"),
    ],
)
def test_key_is_a_secret_or_a_function(key: Any) -> None:
    with serving() as server, client_of(server.url, api_key=key) as client:
        ask(client)

        assert server.requests[0].headers["authorization"] == "Bearer sk-value"


def test_function_is_asked_for_the_key_before_each_attempt() -> None:
    keys = iter(["sk-first", "sk-second"])
    with serving(refuses(503), says()) as server, client_of(server.url, api_key=lambda: next(keys)) as client:
        ask(client)

        assert [request.headers["authorization"] for request in server.requests] == [
            "Bearer sk-first",
            "Bearer sk-second",
        ]


def test_exception_of_the_function_comes_out_as_it_is() -> None:
    error = PermissionError("the vault is locked")

    def fetch() -> str:
        raise error

    with serving() as server, client_of(server.url, api_key=fetch) as client:
        with pytest.raises(PermissionError) as caught:
            ask(client)

        assert caught.value is error
        assert server.connections == 0


def test_plain_text_as_a_key_is_refused_without_being_shown() -> None:
    with pytest.raises(TypeError, match=r"write Secret\('\.\.\.'\)") as caught:
        OpenAICompatibleClient("https://host/v1", api_key="sk-plain")  # type: ignore[arg-type]  # the mistake

    assert "sk-plain" not in str(caught.value)


@pytest.mark.parametrize("key", [f"{KEY}\n", f"{KEY}\r\nX-Evil: 1", f"{KEY}é", f" {KEY}"])
def test_key_that_no_header_can_carry_is_refused_without_being_shown(key: str) -> None:
    with serving() as server, client_of(server.url, api_key=Secret(key)) as client:
        with pytest.raises(LLMRequestError, match="a line break at its end, perhaps") as caught:
            ask(client)

        assert KEY not in traceback_of(caught.value)
        assert server.connections == 0


@pytest.mark.parametrize("returned", [None, 7, b"sk-bytes"])
def test_function_that_returns_no_text_is_refused(returned: object) -> None:
    client = client_of("https://host/v1", api_key=lambda: returned)

    with pytest.raises(LLMRequestError, match=f"returned {type(returned).__name__}, and no text"):
        ask(client)


def test_headers_of_the_host_are_sent_and_secret_ones_not_shown() -> None:
    headers = {"X-Team": "blue", "api-key": Secret(KEY)}
    with (
        serving(refuses(401, ECHO)) as server,
        client_of(server.url, api_key=None, headers=headers) as client,
    ):
        with pytest.raises(LLMServiceError) as caught:
            ask(client)
        sent = server.requests[0].headers

    assert (sent["x-team"], sent["api-key"]) == ("blue", KEY)
    assert "authorization" not in sent
    assert KEY not in traceback_of(caught.value)


@pytest.mark.parametrize(
    ("headers", "problem"),
    [
        pytest.param({"a b": "c"}, "'a b', which is no name of a header", id="name"),
        pytest.param({"a": "b\r\nc: d"}, "characters that no header may have", id="line_break"),
        pytest.param({"Host": "x"}, "'Host', which the client sets itself", id="own"),
        pytest.param({"a": 3}, "is int, no text and no Secret", id="number"),
        pytest.param([("a", "b")], "headers= is a mapping, not list", id="list"),
    ],
)
def test_header_that_cannot_be_sent_is_refused(headers: Any, problem: str) -> None:
    with pytest.raises((TypeError, ValueError), match=problem):
        OpenAICompatibleClient("https://host/v1", headers=headers)


def test_request_of_another_origin_never_gets_the_key() -> None:
    with serving(streams()) as elsewhere, serving() as server:
        server.script = [answers(307, b"", Location=elsewhere.url)]
        client = client_of(server.url)
        with client, pytest.raises(LLMServiceError):
            ask(client)

        assert elsewhere.requests == []
