"""When OpenAICompatibleClient asks a question again, how often, and how long it waits before."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any

import pytest

from agent_runtime import (
    Executor,
    LLMConnectionError,
    LLMRateLimitError,
    LLMServerError,
    LLMServiceError,
    LLMStatusError,
    Options,
    TokenReceived,
    WarningCode,
    WarningIssued,
)
from agent_runtime.llm.openai_compatible.failures import wait_asked_for
from agent_runtime.tracing import Recorder, SpanKind
from tests.helpers.model_clients import ask, client_of, executor, streamed, tokens_of
from tests.helpers.model_server import Behaviour, completion, raw, refuses, says, serving, unused_port

NOW = 1_700_000_000.0
DATE = "Tue, 14 Nov 2023 22:13:20 GMT"
"""The same moment as HTTP writes it."""
LATER = "Tue, 14 Nov 2023 22:13:50 GMT"


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
def test_passing_fault_is_asked_again_until_it_has_passed(status: int) -> None:
    with serving(refuses(status), refuses(status), says("fine")) as server, client_of(server.url) as client:
        assert ask(client)["content"] == "fine"
        assert len(server.requests) == 3


def test_stream_is_warned_of_each_time_before_the_answer() -> None:
    with serving(refuses(429), refuses(503), says("fine")) as server, client_of(server.url) as client:
        events = [event for event in streamed(client) if isinstance(event, WarningIssued | TokenReceived)]

    first, second, *tokens = events
    for warning, status in ((first, "429"), (second, "503")):
        assert isinstance(warning, WarningIssued)
        assert (warning.step, warning.code) == ("ask", WarningCode.ASKED_AGAIN)
        assert status in warning.message
        assert "; asking again in 0.0" in warning.message
    assert tokens_of(tokens) == ["fine"]


def test_stream_is_warned_as_well_by_a_client_that_asks_on_a_thread_and_a_loop_of_its_own() -> None:
    class Blocking:
        def call_llm(self, **question: Any) -> Mapping[str, object]:
            return asyncio.run(client.call_llm(**question))

    with serving(refuses(429), says("fine")) as server, client_of(server.url) as client:
        warnings = [event for event in streamed(Blocking()) if isinstance(event, WarningIssued)]

    assert [(warning.step, warning.code) for warning in warnings] == [("ask", WarningCode.ASKED_AGAIN)]


def test_trace_and_stream_tell_of_each_question_only_what_was_asked_again_for_it() -> None:
    recorder = Recorder()
    called = [{"id": "1", "type": "function", "function": {"name": "clock", "arguments": "{}"}}]
    agent = {"messages": [{"role": "user", "content": "hi"}], "tools": ["clock"]}
    script = (refuses(429), refuses(503), says(None, tool_calls=called), refuses(500), says("a"), says("b"))

    with serving(*script) as server, client_of(server.url) as client:
        runs = Executor(
            [{"id": "ask", "agent": agent}, {"id": "then", "agent": agent, "needs": ["ask"]}],
            tools={"clock": lambda: "noon"},
            llm=client,
            options=Options(trace=recorder),
        )
        warnings = [event.step for event in runs.stream() if isinstance(event, WarningIssued)]

    questions = [span for span in recorder.spans if span.kind is SpanKind.MODEL]
    assert warnings == ["ask"] * 3
    assert [span.attributes.get("asked_again") for span in questions] == [2, 1, None]
    assert {(span.name, span.attributes["provider"]) for span in questions} == {("tiny", "openai")}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 501, 505])
def test_lasting_fault_is_not_asked_again(status: int) -> None:
    with serving(refuses(status)) as server, client_of(server.url) as client:
        with pytest.raises(LLMStatusError):
            ask(client)

        assert len(server.requests) == 1


def test_spent_quota_is_not_asked_again_although_it_is_a_429() -> None:
    spent = {"error": {"message": "pay first", "code": "insufficient_quota"}}
    body = str(spent).replace("'", '"').encode()
    script = raw(b"HTTP/1.1 429 No\r\nContent-Length: %d\r\n\r\n" % len(body) + body, then="go_on")
    with serving(script) as server, client_of(server.url) as client:
        with pytest.raises(LLMRateLimitError, match="pay first"):
            ask(client)

        assert len(server.requests) == 1


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(raw(b""), id="hung_up"),
        pytest.param(raw(b"", then="reset"), id="reset"),
        pytest.param(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"), id="cut_off_in_the_body"),
    ],
)
def test_broken_connection_is_asked_again_on_a_new_one(script: Behaviour) -> None:
    with serving(script, says("fine")) as server, client_of(server.url) as client:
        assert ask(client)["content"] == "fine"
        assert (server.connections, len(server.requests)) == (2, 2)


def test_every_attempt_of_a_question_has_the_same_idempotency_key_and_the_next_question_another() -> None:
    with serving(refuses(503), says(), says()) as server, client_of(server.url) as client:
        ask(client)
        ask(client)
        first, again, second = (request.headers["idempotency-key"] for request in server.requests)

    assert first == again != second


def test_storm_of_429_ends_with_the_last_one_and_says_how_often_it_was_asked() -> None:
    with serving(refuses(429, "slow down")) as server, client_of(server.url, retries=3) as client:
        with pytest.raises(LLMRateLimitError) as caught:
            ask(client)

        assert str(caught.value) == (
            f"{server.url}/chat/completions answered 429 Too Many Requests: 'slow down' (asked 4 times)"
        )
        assert (caught.value.attempts, len(server.requests)) == (4, 4)


def test_refused_connection_is_tried_as_often_as_allowed() -> None:
    client = client_of(f"http://127.0.0.1:{unused_port()}", retries=2)

    with pytest.raises(LLMConnectionError) as caught:
        ask(client)

    assert caught.value.attempts == 3


def test_no_retries_means_one_attempt() -> None:
    with serving(refuses(503)) as server, client_of(server.url, retries=0) as client:
        with pytest.raises(LLMServerError) as caught:
            ask(client)

        assert (caught.value.attempts, len(server.requests)) == (1, 1)


def test_wait_that_the_server_asks_for_is_kept() -> None:
    script = refuses(429, Retry_After="0.3"), says()
    with serving(*script) as server, client_of(server.url, max_retry_wait=30.0) as client:
        started = time.monotonic()
        ask(client)

    assert time.monotonic() - started >= 0.3


def test_server_that_asks_for_more_than_the_longest_wait_is_not_asked_again() -> None:
    with serving(refuses(429, Retry_After="3600")) as server, client_of(server.url, timeout=None) as client:
        with pytest.raises(LLMRateLimitError) as caught:
            ask(client)

        assert caught.value.retry_after == 3600
        assert len(server.requests) == 1


def test_wait_that_would_not_end_in_time_is_not_begun() -> None:
    with serving(refuses(503, Retry_After="40")) as server:
        client = client_of(server.url, timeout=20.0, max_retry_wait=60.0)
        with client, pytest.raises(LLMServerError):
            ask(client)

        assert len(server.requests) == 1


def test_all_attempts_and_the_waits_between_them_count_for_the_timeout() -> None:
    with serving(refuses(503, Retry_After="0.2")) as server:
        client = client_of(server.url, timeout=1.0, max_retry_wait=60.0, retries=1_000)
        with client, pytest.raises(LLMServiceError):
            ask(client)

        assert 1 <= len(server.requests) <= 5


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        pytest.param({}, None, id="none"),
        pytest.param({"retry-after": "7"}, 7, id="seconds"),
        pytest.param({"retry-after": " 1.5 "}, 1.5, id="fraction"),
        pytest.param({"retry-after": "-3"}, 0, id="negative"),
        pytest.param({"retry-after": LATER}, 30, id="date"),
        pytest.param({"retry-after": DATE}, 0, id="now"),
        pytest.param({"retry-after": "Mon, 13 Nov 2023 00:00:00 GMT"}, 0, id="past"),
        pytest.param(
            {"retry-after": LATER, "date": "Tue, 14 Nov 2023 22:13:40 GMT"}, 10, id="by_the_servers_clock"
        ),
        pytest.param({"retry-after-ms": "1500", "retry-after": "9"}, 1.5, id="milliseconds"),
        pytest.param({"retry-after": "soon"}, None, id="word"),
        pytest.param({"retry-after": ""}, None, id="empty"),
        pytest.param({"retry-after": "nan"}, None, id="nan"),
        pytest.param({"retry-after": "inf"}, None, id="infinite"),
        pytest.param({"retry-after": "9" * 400}, None, id="beyond_numbers"),
        pytest.param({"retry-after": "Tue, 14 Nov 99999 22:13:20 GMT"}, None, id="beyond_dates"),
    ],
)
def test_wait_is_read_as_seconds_or_as_a_date(headers: Mapping[str, str], seconds: float | None) -> None:
    assert wait_asked_for(headers, NOW) == seconds


def test_wait_doubles_and_is_shortened_by_chance(caplog: pytest.LogCaptureFixture) -> None:
    chances = iter([0.0, 1.0, 0.5])
    options = {"retries": 3, "max_retry_wait": 0.04, "random": lambda: next(chances)}
    caplog.set_level(logging.INFO, "agent_runtime")
    with (
        serving(refuses(503)) as server,
        client_of(server.url, **options) as client,
        pytest.raises(LLMServerError),
    ):
        ask(client)

    waits = [record.getMessage().rpartition(" in ")[2] for record in caplog.records]
    assert waits == ["0.04 s", "0.02 s", "0.03 s"]


def test_cancelled_wait_ends_at_once() -> None:
    async def main() -> None:
        with client_of(server.url, max_retry_wait=60.0) as client:
            run = asyncio.ensure_future(executor(client).run_async())
            while not server.requests:
                await asyncio.sleep(0.01)
            run.cancel()
            with pytest.raises(asyncio.CancelledError):
                await run

    with serving(refuses(503, Retry_After="50")) as server:
        started = time.monotonic()
        asyncio.run(main())

        assert time.monotonic() - started < 40


def test_step_retries_by_the_name_of_the_error() -> None:
    workflow = [
        {
            "id": "ask",
            "agent": {"messages": [{"role": "user", "content": "hi"}]},
            "retry": {"attempts": 2, "backoff": 0, "on": ["LLMReplyError"]},
        }
    ]
    with serving(says({"oops": 1}), says(completion("fine"))) as server, client_of(server.url) as client:
        result = Executor(workflow, llm=client).run()

    assert result.steps["ask"].attempts == 2
