"""OpenAICompatibleClient in a stream: pieces as they come, the whole reply in the end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_runtime import LLMConnectionError, LLMReplyError, StepFinished
from agent_runtime.llm.openai_compatible.chunks import StreamedAnswer
from agent_runtime.llm.openai_compatible.sse import EventData
from tests.helpers.model_clients import client_of, executor, streamed, tokens_of
from tests.helpers.model_server import (
    STREAM_HEAD,
    answers,
    chunk,
    chunked,
    events,
    hangs,
    head,
    pieces_of,
    raw,
    refuses,
    says,
    serving,
    streams,
)

USAGE = {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}}


def reply_in(events_of_the_run: list[Any]) -> Mapping[str, Any]:
    (finished,) = [event for event in events_of_the_run if isinstance(event, StepFinished)]
    return cast("Mapping[str, Any]", finished.output)


def test_pieces_come_as_the_server_sends_them_and_then_the_whole_reply() -> None:
    script = streams(chunk("for", role="assistant"), chunk("ty"), chunk(finish="stop"), USAGE)
    with serving(script) as server, client_of(server.url) as client:
        happened = streamed(client)
        body = server.requests[0].body

    assert tokens_of(happened) == ["for", "ty"]
    assert reply_in(happened) == {
        "content": "forty",
        "finish_reason": "stop",
        "model": "tiny-1",
        "usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5},
    }
    assert (body["stream"], body["stream_options"]) == (True, {"include_usage": True})


def test_server_that_knows_no_stream_options_is_not_sent_any() -> None:
    with serving(streams(chunk("a", "stop"))) as server, client_of(server.url) as client:
        streamed(client, stream_options=None)

        assert "stream_options" not in server.requests[0].body


def test_piece_is_there_before_the_next_one_is_sent() -> None:
    with serving(hangs(STREAM_HEAD, chunked(events(chunk("first"), done=False)))) as server:
        with client_of(server.url) as client:
            events_of_the_run = executor(client).stream()
            for event in events_of_the_run:
                if tokens_of([event]) == ["first"]:
                    break
            events_of_the_run.close()

        assert server.left.wait(30)


def test_streams_one_after_the_other_use_one_connection() -> None:
    with serving(streams(chunk("a", "stop"))) as server, client_of(server.url) as client:
        for _ in range(3):
            streamed(client)

        assert (server.connections, len(server.requests)) == (1, 3)


def test_tool_calls_are_put_together_from_their_pieces() -> None:
    parts = [
        {"index": 0, "id": "a", "type": "function", "function": {"name": "add", "arguments": ""}},
        {"index": 0, "function": {"arguments": '{"x"'}},
        {"index": 1, "id": "b", "type": "function", "function": {"name": "sub", "arguments": "{}"}},
        {"index": 0, "function": {"arguments": ": 1}"}},
    ]
    answer = StreamedAnswer()
    for part in parts:
        answer.add(chunk(tool_calls=[part]))
    answer.add(chunk(finish="tool_calls"))

    assert answer.reply() == {
        "content": None,
        "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "add", "arguments": '{"x": 1}'}},
            {"id": "b", "type": "function", "function": {"name": "sub", "arguments": "{}"}},
        ],
        "finish_reason": "tool_calls",
        "model": "tiny-1",
    }


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        pytest.param(
            [
                {"id": "a", "function": {"name": "f", "arguments": "{}"}},
                {"id": "b", "function": {"name": "g", "arguments": "{}"}},
            ],
            [("a", "f", "{}"), ("b", "g", "{}")],
            id="whole_calls_without_an_index",
        ),
        pytest.param(
            [
                {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{"}},
                {"index": 0, "id": "a", "function": {"name": "f", "arguments": "}"}},
            ],
            [("a", "f", "{}")],
            id="name_and_id_in_every_piece",
        ),
        pytest.param(
            [{"index": 0, "function": {"name": "f", "arguments": {"a": 1}}}],
            [("call_1", "f", '{"a": 1}')],
            id="arguments_as_an_object_and_no_id",
        ),
        pytest.param(
            [{"index": 7, "id": "z", "function": {"name": "g"}}, {"index": 2, "function": {"name": "f"}}],
            [("call_1", "f", "{}"), ("z", "g", "{}")],
            id="indexes_with_gaps_in_any_order",
        ),
    ],
)
def test_tool_calls_of_lenient_servers_are_understood(
    parts: list[dict[str, object]], expected: list[tuple[str, str, str]]
) -> None:
    answer = StreamedAnswer()
    for part in parts:
        answer.add(chunk(tool_calls=[part]))

    calls = cast("list[Any]", answer.reply()["tool_calls"])
    assert [
        (call["id"], call["function"]["name"], call["function"]["arguments"]) for call in calls
    ] == expected


def test_characters_cut_anywhere_come_out_whole() -> None:
    said = {"choices": [{"delta": {"content": "é漢😀"}, "finish_reason": "stop"}]}
    text = f"data: {json.dumps(said, ensure_ascii=False)}\n\n".encode()
    parts = [chunked(part) for part in pieces_of(text, 1)]
    script = raw(STREAM_HEAD, *parts, b"0\r\n\r\n", then="go_on")
    with serving(script) as server, client_of(server.url) as client:
        assert reply_in(streamed(client))["content"] == "é漢😀"


def test_halves_of_a_character_in_two_chunks_come_out_as_one() -> None:
    script = streams(chunk("a\ud83d"), chunk("\ude00b"), chunk("\ud83d", "stop"))
    with serving(script) as server, client_of(server.url) as client:
        happened = streamed(client)

    assert tokens_of(happened) == ["a", "\U0001f600b"]
    assert reply_in(happened)["content"] == "a\U0001f600b\ufffd"


def test_whole_completion_in_the_place_of_a_stream_is_taken() -> None:
    with serving(says("all at once")) as server, client_of(server.url) as client:
        happened = streamed(client)

    assert tokens_of(happened) == ["all at once"]
    assert reply_in(happened)["usage"] == {"input_tokens": 5, "output_tokens": 7, "total_tokens": 12}


@pytest.mark.parametrize(
    "ending",
    [
        pytest.param([chunk(finish="stop")], id="finish_reason"),
        pytest.param([chunk(finish="stop"), USAGE], id="finish_reason_and_usage"),
    ],
)
def test_missing_done_is_forgiven_when_the_reason_of_the_end_is_there(ending: list[object]) -> None:
    script = raw(head(kind="text/event-stream"), events(chunk("forty"), *ending, done=False))
    with serving(script) as server, client_of(server.url) as client:
        happened = streamed(client)

    assert reply_in(happened)["content"] == "forty"


def test_missing_reason_of_the_end_is_forgiven_when_done_is_there() -> None:
    with serving(streams(chunk("forty"))) as server, client_of(server.url) as client:
        assert reply_in(streamed(client))["content"] == "forty"


def test_stream_that_ends_without_either_is_cut_off() -> None:
    script = raw(head(kind="text/event-stream"), events(chunk("for"), done=False))
    with serving(script) as server, client_of(server.url) as client:
        with pytest.raises(LLMConnectionError, match=r"neither a 'finish_reason' nor '\[DONE\]'"):
            streamed(client)

        assert len(server.requests) == 1


@pytest.mark.parametrize(
    "cut",
    [
        pytest.param(raw(STREAM_HEAD, chunked(events(chunk("for"), done=False))), id="hung_up"),
        pytest.param(
            raw(STREAM_HEAD, chunked(events(chunk("for"), done=False)), then="reset"),
            id="reset",
        ),
        pytest.param(raw(STREAM_HEAD, chunked(events(chunk("for"), done=False)), b"zz\r\n"), id="garbage"),
        pytest.param(
            raw(head(kind="text/event-stream"), events(chunk("for"), done=False), b'data: {"choi'),
            id="half_a_chunk",
        ),
    ],
)
def test_answer_that_has_begun_is_not_asked_for_again(cut: Any) -> None:
    with serving(cut, streams(chunk("again", "stop"))) as server, client_of(server.url) as client:
        happened = []
        with pytest.raises(LLMConnectionError, match="broke off"):
            for event in executor(client).stream():
                happened.append(event)  # noqa: PERF402 - what came before the error counts

        assert tokens_of(happened) == ["for"]
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    "cut",
    [
        pytest.param(refuses(503), id="unavailable"),
        pytest.param(raw(STREAM_HEAD), id="hung_up"),
        pytest.param(raw(STREAM_HEAD, then="reset"), id="reset"),
        pytest.param(
            raw(STREAM_HEAD, chunked(events(chunk(role="assistant"), done=False))), id="no_text_yet"
        ),
    ],
)
def test_answer_that_has_not_begun_is_asked_for_again(cut: Any) -> None:
    with serving(cut, streams(chunk("again", "stop"))) as server, client_of(server.url) as client:
        assert reply_in(streamed(client))["content"] == "again"
        assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        pytest.param(b"data: {nonsense\n\n", "streamed a chunk, which is not JSON", id="no_json"),
        pytest.param(b"data: [1]\n\n", "which is JSON, but no object", id="no_object"),
        pytest.param(b"data: {}\n\n", "which has no list of 'choices'", id="no_choices"),
        pytest.param(b'data: {"choices": [3]}\n\n', "whose first choice has no 'delta'", id="no_delta"),
        pytest.param(
            b'data: {"choices": [{"delta": {"content": 3}}]}\n\n', "whose 'content' is int", id="no_text"
        ),
        pytest.param(b"data: \xff\xfe\n\n", "which is not UTF-8", id="no_utf_8"),
        pytest.param(
            b'data: {"error": {"message": "overloaded"}}\n\n', "which is an error: 'overloaded'", id="error"
        ),
        pytest.param(b"event: ping\n\n", "in which are no events", id="no_data"),
        pytest.param(b"", "in which are no events", id="nothing"),
    ],
)
def test_stream_that_is_not_one_says_what_came(data: bytes, problem: str) -> None:
    script = answers(200, data, kind="text/event-stream")
    with (
        serving(script) as server,
        client_of(server.url) as client,
        pytest.raises(LLMReplyError, match=problem),
    ):
        streamed(client)


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        pytest.param("text/html", "answered 200 with text/html, which is not JSON", id="page"),
        pytest.param("text/plain", "answered 200 with text/plain, in which are no events", id="text"),
    ],
)
def test_answer_that_is_no_stream_says_what_came(kind: str, problem: str) -> None:
    with (
        serving(answers(200, b"<html>Sign in</html>", kind=kind)) as server,
        client_of(server.url) as client,
        pytest.raises(LLMReplyError, match=problem),
    ):
        streamed(client)


def test_stream_without_end_stops_at_the_allowed_size() -> None:
    part = chunked(events(chunk("x" * 1_000), done=False))
    with serving(hangs(STREAM_HEAD, *([part] * 200))) as server:
        client = client_of(server.url, max_reply_bytes=50_000)
        with client, pytest.raises(LLMReplyError, match="longer than 'max_reply_bytes', 50000"):
            streamed(client)

        assert server.left.wait(30)


LINES = st.lists(st.sampled_from([b"data: a", b"data:b", b"data", b": note", b"event: x", b"", b"id: 1"]))


@given(LINES, st.sampled_from([b"\n", b"\r\n", b"\r"]), st.data())
def test_events_do_not_depend_on_where_the_bytes_are_cut(
    lines: list[bytes], ending: bytes, data: st.DataObject
) -> None:
    text = b"".join(line + ending for line in lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)))))
    whole, cut = EventData(), EventData()

    expected = [*whole.feed(text), *whole.end()]
    got: list[bytes] = []
    for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        got += cut.feed(text[start:end])
    got += cut.end()

    assert got == expected
    assert [part for each in got for part in each.split(b"\n")] == [
        line.partition(b":")[2].strip() for line in lines if line.startswith(b"data")
    ]


def test_byte_order_mark_and_comments_are_passed_over() -> None:
    events_of = EventData()

    assert list(events_of.feed(b"\xef\xbb\xbfdata: a\n\n: keep-alive\n\ndata: b\n\n")) == [b"a", b"b"]
