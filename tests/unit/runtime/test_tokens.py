"""LLM clients that stream: pieces of an answer as events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor

import pytest

from agent_runtime import (
    RunFinished,
    Runtime,
    RuntimeClosedError,
    TokenReceived,
)
from agent_runtime.engine.event_buffer import AHEAD
from tests.helpers.streams import (
    LIMIT,
    after,
    bridge_is_quiet,
    kinds,
    until_error,
)


class Talker:
    """A client with both methods, whose stream pauses until it is told to go on."""

    def __init__(self, *items: object) -> None:
        self.items = items or ("Hel", "lo", {"usage": {"output_tokens": 2}})
        self.closed = 0
        self.calls: list[str] = []

    async def call_llm(self, **_: object) -> dict[str, object]:
        self.calls.append("call_llm")
        return {"content": "Hello", "usage": {"output_tokens": 2}}

    async def stream_llm(self, **_: object) -> AsyncGenerator[object, None]:
        self.calls.append("stream_llm")
        try:
            for item in self.items:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            self.closed += 1


AGENT = "name: talk\nsteps:\n  - {id: ask, agent: {messages: [{role: user, content: one two}]}}\n"


def test_client_that_streams_gives_its_answer_piece_by_piece() -> None:
    talker = Talker()
    events = list(Runtime(AGENT, llm=talker).stream())

    assert [event.text for event in events if isinstance(event, TokenReceived)] == ["Hel", "lo"]
    assert isinstance(events[-1], RunFinished)
    assert events[-1].result.outputs == {"ask": {"content": "Hello", "usage": {"output_tokens": 2}}}
    assert events[-1].result.steps["ask"].usage == {"output_tokens": 2}
    assert (talker.calls, talker.closed) == (["stream_llm"], 1)


def test_client_that_streams_is_called_as_usual_where_nobody_reads() -> None:
    talker = Talker()

    assert Runtime(AGENT, llm=talker).run().outputs["ask"] == {
        "content": "Hello",
        "usage": {"output_tokens": 2},
    }
    assert talker.calls == ["call_llm"]


def test_scripted_client_streams_its_words() -> None:
    events = list(Runtime(AGENT).stream())

    assert [event.text for event in events if isinstance(event, TokenReceived)] == ["one", " two"]
    assert isinstance(events[-1], RunFinished)
    assert events[-1].result.outputs == Runtime(AGENT).run().outputs


def test_tokens_of_a_failed_attempt_are_followed_by_the_retry() -> None:
    class Twice(Talker):
        async def stream_llm(self, **_: object) -> AsyncGenerator[object, None]:
            self.items = ("Hel", OSError("lost")) if not self.calls else ("Hello",)
            async for item in super().stream_llm(**_):
                yield item

    text = AGENT.replace("ask, ", "ask, retry: {attempts: 2, backoff: 0}, ")
    events = list(Runtime(text, llm=Twice()).stream())

    assert kinds(iter(events))[2:6] == [
        "TokenReceived ask",
        "StepRetrying ask",
        "TokenReceived ask",
        "StepFinished ask",
    ]


def test_no_token_is_taken_for_a_reader_who_is_elsewhere() -> None:
    taken: list[int] = []

    class Endless(Talker):
        async def stream_llm(self, **_: object) -> AsyncGenerator[object, None]:
            for number in range(10 * AHEAD):
                taken.append(number)
                yield "x"

    stream = Runtime(AGENT, llm=Endless()).stream()
    next(stream)
    bridge_is_quiet()
    ahead = len(taken)
    *_, last = stream

    assert 0 < ahead <= AHEAD
    assert isinstance(last, RunFinished)
    assert last.result.outputs["ask"] == {"content": "x" * 10 * AHEAD}


@pytest.mark.parametrize(
    "count", [pytest.param(1, id="while_it_waits"), pytest.param(10 * AHEAD, id="while_it_waits_for_room")]
)
def test_leaving_early_closes_the_clients_stream_in_its_task(count: int) -> None:
    tasks: list[object] = []

    class Waiting(Talker):
        async def stream_llm(self, **_: object) -> AsyncGenerator[object, None]:
            tasks.append(asyncio.current_task())
            try:
                for _number in range(count):
                    yield "x"
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(0)
                tasks.append(asyncio.current_task())

    stream = Runtime(AGENT, llm=Waiting()).stream()
    after(stream, TokenReceived)
    bridge_is_quiet()
    stream.close()

    assert len(tasks) == 2
    assert tasks[0] is tasks[1]


def test_client_that_goes_on_after_its_cancellation_does_not_wait_for_a_reader_who_is_elsewhere() -> None:
    class Stubborn(Talker):
        async def stream_llm(self, **_: object) -> AsyncGenerator[object, None]:
            try:
                yield "x"
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                for _number in range(10 * AHEAD):
                    yield "x"

    runtime = Runtime(AGENT, llm=Stubborn())
    stream = runtime.stream()
    after(stream, TokenReceived)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(runtime.close).result(LIMIT)

    assert isinstance(until_error(stream)[1], RuntimeClosedError)


@pytest.mark.parametrize(
    ("stream_llm", "problem"),
    [
        pytest.param(lambda **_: ["x"], "returned list", id="no_async_iterator"),
        pytest.param(Talker(3).stream_llm, "gave int", id="neither_text_nor_mapping"),
    ],
)
def test_client_that_streams_something_else_is_told(stream_llm: object, problem: str) -> None:
    talker = Talker()
    talker.stream_llm = stream_llm  # type: ignore[assignment,method-assign]  # the mistake

    _, raised = until_error(Runtime(AGENT, llm=talker).stream())

    assert type(raised).__name__ == "LLMClientError"
    assert problem in str(raised)


def lacks_keywords(messages: object) -> None:
    del messages


@pytest.mark.parametrize(
    "stream_llm",
    [pytest.param(3, id="no_callable"), pytest.param(lacks_keywords, id="signature")],
)
def test_client_whose_stream_cannot_be_called_is_refused(stream_llm: object) -> None:
    talker = Talker()
    talker.stream_llm = stream_llm  # type: ignore[assignment,method-assign]  # the mistake

    with pytest.raises(TypeError, match="stream_llm"):
        Runtime(AGENT, llm=talker)
