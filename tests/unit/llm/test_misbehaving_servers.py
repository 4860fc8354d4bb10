"""OpenAICompatibleClient against servers that do what they should not: errors say what it was."""

from __future__ import annotations

import gzip
import json
import pickle
import tracemalloc
import zlib
from typing import Any

import pytest

from agent_runtime import (
    LLMConnectionError,
    LLMReplyError,
    LLMServiceError,
    LLMStatusError,
    LLMTimeoutError,
)
from agent_runtime.errors import LLMRateLimitError, LLMServerError
from tests.helpers.model_clients import ask, client_of
from tests.helpers.model_server import (
    STREAM_HEAD,
    Behaviour,
    answers,
    chunked,
    completion,
    hangs,
    head,
    raw,
    refuses,
    says,
    serving,
    unused_port,
)

WHOLE = json.dumps(completion("hello")).encode()
WITH_LENGTH = head(Content_Length=str(len(WHOLE)))


def asked(script: Behaviour, **options: Any) -> LLMServiceError:
    """Ask a server once, and return the error that comes out."""
    with serving(script) as server, client_of(server.url, retries=0, **options) as client:
        with pytest.raises(LLMServiceError) as caught:
            ask(client)
        assert caught.value.url == f"{server.url}/chat/completions"
        return caught.value


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        pytest.param(b"", "which is not JSON (Expecting value: line 1 column 1", id="empty"),
        pytest.param(b'{"choices": [', "which is not JSON", id="half_of_it"),
        pytest.param(b"\xff\xfe{}", "which is not UTF-8, at byte 0", id="no_utf_8"),
        pytest.param(b"[1, 2]", "which is JSON, but no object: '[1, 2]'", id="no_object"),
        pytest.param(b"[" * 200_000, "which is JSON nested too deep", id="nested_too_deep"),
        pytest.param(b'{"id": ' + b"9" * 5_000 + b"}", "which is not JSON", id="number_too_long"),
        pytest.param(
            b'{"id": 1, "object": 2}',
            "which has no list of 'choices'; it has: 'id, object'",
            id="no_choices",
        ),
        pytest.param(b'{"choices": {}}', "which has no list of 'choices'; it has: 'choices'", id="no_list"),
        pytest.param(b'{"choices": []}', "whose list of 'choices' is empty", id="empty_choices"),
        pytest.param(b'{"choices": [7]}', "whose first choice has no 'message'", id="no_message"),
        pytest.param(
            b'{"choices": [{"message": {"content": 7}}]}', "whose 'content' is int, no text", id="no_text"
        ),
        pytest.param(
            b'{"choices": [{"message": {"content": null, "tool_calls": "f"}}]}',
            "whose 'tool_calls' are str, no list",
            id="tool_calls",
        ),
        pytest.param(
            b'{"choices": [{"message": {"tool_calls": [{"id": "a"}]}}]}',
            "whose tool call 1 has no 'function'",
            id="no_function",
        ),
        pytest.param(
            b'{"choices": [{"message": {"tool_calls": [{"function": {"name": ""}}]}}]}',
            "whose tool call 1 has no name of a function",
            id="no_name",
        ),
        pytest.param(
            b'{"choices": [{"message": {"tool_calls": [{"function": {"name": "f", "arguments": 3}}]}}]}',
            "whose tool call 1 has arguments that are no text",
            id="arguments",
        ),
        pytest.param(
            b'{"error": {"message": "model is loading"}}', "which is an error: 'model is loading'", id="error"
        ),
    ],
)
def test_answer_that_is_no_completion_says_what_came(body: bytes, problem: str) -> None:
    error = asked(answers(200, body))

    assert isinstance(error, LLMReplyError)
    assert f"answered 200 with application/json, {problem}" in str(error)


def test_page_in_the_place_of_an_answer_is_shown_by_its_beginning() -> None:
    page = b"<html>\n<title>Sign in</title>" + b"<p>" * 1_000
    error = asked(answers(200, page, kind="text/html; charset=utf-8"))

    assert isinstance(error, LLMReplyError)
    assert "answered 200 with text/html, which is not JSON" in str(error)
    assert "'<html> <title>Sign in</title><p>" in str(error)
    assert len(str(error)) < 500


def test_answer_without_a_content_type_is_read() -> None:
    head_alone = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(WHOLE)
    with serving(raw(head_alone + WHOLE, then="go_on")) as server, client_of(server.url) as client:
        assert ask(client)["content"] == "hello"


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(hangs(), id="says_nothing"),
        pytest.param(hangs(b"HTTP/1.1 200 OK\r\nContent-"), id="stops_in_the_head"),
        pytest.param(hangs(WITH_LENGTH), id="stops_after_the_head"),
        pytest.param(hangs(WITH_LENGTH + WHOLE[:20]), id="stops_in_the_body"),
    ],
)
def test_silent_server_is_given_up_after_the_read_timeout(script: Behaviour) -> None:
    with serving(script) as server, client_of(server.url, read_timeout=0.2, retries=2) as client:
        with pytest.raises(LLMTimeoutError, match=r"said nothing within 'read_timeout', 0\.2 s"):
            ask(client)

        assert server.left.wait(30)
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(hangs(), id="says_nothing"),
        pytest.param(hangs(WITH_LENGTH + WHOLE[:20]), id="stops_in_the_body"),
    ],
)
def test_whole_question_ends_at_its_timeout(script: Behaviour) -> None:
    with serving(script) as server, client_of(server.url, timeout=1.0, retries=2) as client:
        with pytest.raises(LLMTimeoutError, match=r"has not answered within 'timeout', 1 s"):
            ask(client)

        assert server.left.wait(30)
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(raw(b""), id="hangs_up_at_once"),
        pytest.param(raw(b"", then="reset"), id="resets_at_once"),
        pytest.param(raw(b"HTTP/1.1 200 OK\r\nCont"), id="hangs_up_in_the_head"),
        pytest.param(raw(WITH_LENGTH + WHOLE[:30]), id="hangs_up_in_the_body"),
        pytest.param(raw(WITH_LENGTH + WHOLE[:30], then="reset"), id="resets_in_the_body"),
        pytest.param(raw(head(Transfer_Encoding="chunked"), chunked(WHOLE)), id="hangs_up_before_the_end"),
        pytest.param(raw(head(Transfer_Encoding="chunked"), b"nonsense\r\n"), id="chunks_are_garbage"),
        pytest.param(raw(b"SSH-2.0-OpenSSH_9.2\r\n"), id="is_no_http"),
        pytest.param(raw(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 20_000), id="head_without_end"),
    ],
)
def test_broken_connection_is_said(script: Behaviour) -> None:
    error = asked(script)

    assert isinstance(error, LLMConnectionError)
    assert isinstance(error, ConnectionError)
    assert "broke off: " in str(error)


def test_refused_connection_is_said_in_the_systems_words() -> None:
    port = unused_port()
    client = client_of(f"http://127.0.0.1:{port}/v1", retries=0)

    with pytest.raises(LLMConnectionError) as caught:
        ask(client)

    assert str(caught.value) == (
        f"http://127.0.0.1:{port}/v1/chat/completions cannot be connected to: 'Connection refused'"
    )


def test_unknown_host_is_said() -> None:
    client = client_of("https://no-such-host.invalid/v1", retries=0)

    with pytest.raises(
        LLMConnectionError, match=r"no-such-host[.]invalid/v1/chat/completions cannot be connected"
    ):
        ask(client)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(answers(200, b" " * 100_000), id="announced"),
        pytest.param(
            hangs(head(Transfer_Encoding="chunked"), *([chunked(b" " * 1_000)] * 100)), id="in_chunks"
        ),
        pytest.param(hangs(head(), b" " * 100_000), id="without_end"),
    ],
)
def test_answer_that_is_too_long_is_not_read_to_its_end(script: Behaviour) -> None:
    error = asked(script, max_reply_bytes=10_000)

    assert isinstance(error, LLMReplyError)
    assert "longer than 'max_reply_bytes', 10000" in str(error)


@pytest.mark.parametrize("packing", ["gzip", "deflate"])
def test_bomb_is_not_unpacked(packing: str) -> None:
    pack = gzip.compress if packing == "gzip" else zlib.compress
    bomb = pack(b" " * 50_000_000)
    tracemalloc.start()
    try:
        error = asked(answers(200, bomb, Content_Encoding=packing))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert isinstance(error, LLMReplyError)
    assert "longer than 'max_reply_bytes', 8388608" in str(error)
    assert peak < 40_000_000


@pytest.mark.parametrize("packing", ["gzip", "deflate"])
def test_packed_answer_that_was_not_asked_for_is_read_all_the_same(packing: str) -> None:
    pack = gzip.compress if packing == "gzip" else zlib.compress
    script = answers(200, pack(WHOLE), Content_Encoding=packing)
    with serving(script) as server, client_of(server.url) as client:
        assert ask(client)["content"] == "hello"


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        pytest.param(
            answers(200, WHOLE, Content_Encoding="gzip"), "packed its answer wrongly", id="is_not_packed"
        ),
        pytest.param(
            answers(200, gzip.compress(WHOLE)[:-9], Content_Encoding="gzip"),
            "sent an answer whose end is missing",
            id="end_is_missing",
        ),
        pytest.param(
            answers(200, b"x", Content_Encoding="br"), "packed its answer as 'br'", id="another_packing"
        ),
    ],
)
def test_wrongly_packed_answer_is_said(script: Behaviour, problem: str) -> None:
    error = asked(script)

    assert isinstance(error, LLMReplyError)
    assert problem in str(error)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, LLMStatusError), (401, LLMStatusError), (429, LLMRateLimitError), (500, LLMServerError)],
)
def test_refusal_has_status_code_and_the_servers_words(status: int, kind: type[LLMStatusError]) -> None:
    error = asked(refuses(status, "not you"))

    assert type(error) is kind
    assert (error.status, error.code) == (status, "odd")
    assert str(error).endswith(": 'not you'")
    assert f"answered {status} " in str(error)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param(b'{"error": "too long"}', "'too long'", id="text"),
        pytest.param(b'{"detail": [{"msg": "field required"}]}', "field required", id="detail"),
        pytest.param(b'{"message": "no such model", "code": "x"}', "'no such model'", id="message"),
        pytest.param(b"<html>\n  Bad\x00 gateway </html>", "'<html> Bad gateway </html>'", id="page"),
        pytest.param(b"", "answered 502 Bad Gateway: nothing", id="nothing"),
        pytest.param(b'{"error": {"message": 3}}', '{"message": 3}', id="no_text"),
    ],
)
def test_refusal_in_any_form_is_shown(body: bytes, said: str) -> None:
    assert said in str(asked(answers(502, body)))


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirect_is_not_followed(status: int) -> None:
    with serving(says("elsewhere")) as elsewhere, serving() as server:
        server.script = [answers(status, b"", Location=elsewhere.url)]
        with client_of(server.url) as client:
            with pytest.raises(LLMStatusError, match="redirects are not followed") as caught:
                ask(client)

            assert caught.value.status == status
        assert elsewhere.connections == 0
        assert len(server.requests) == 1


def test_answer_with_an_informational_status_first_is_read() -> None:
    script = raw(b"HTTP/1.1 103 Early Hints\r\n\r\n" + WITH_LENGTH + WHOLE, then="go_on")
    with serving(script) as server, client_of(server.url) as client:
        assert ask(client)["content"] == "hello"


def test_stream_in_the_place_of_an_answer_says_what_came() -> None:
    script = raw(STREAM_HEAD, chunked(b"data: {}\n\n"), b"0\r\n\r\n", then="go_on")
    error = asked(script)

    assert "answered 200 with text/event-stream, which is not JSON" in str(error)


@pytest.mark.parametrize("script", [refuses(429, Retry_After="7"), answers(200, b"{"), raw(b"")])
def test_error_can_be_pickled(script: Behaviour) -> None:
    error = asked(script)
    copy = pickle.loads(pickle.dumps(error))

    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))
