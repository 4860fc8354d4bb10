"""What a trace says of questions to models and of tools: names and numbers, never a word of what is said."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Mapping

import pytest

from agent_runtime import (
    InMemoryStore,
    Options,
    Price,
    Runtime,
    ToolError,
    run_workflow,
    tool_calls,
)
from agent_runtime.engine.steps import ignored_cancellation
from agent_runtime.tracing import Recorder, SpanKind, State
from tests.helpers.agents import LIMIT
from tests.helpers.questions import ASK, TOOLS, Blocking, Fast, asked, support
from tests.helpers.traced import named


def test_question_says_who_was_asked_and_what_it_took() -> None:
    recorder = Recorder()

    support(recorder, Fast(), prices={"small-2": Price(1.0, 10.0)}).run()

    _, last = named(recorder, SpanKind.MODEL)
    assert last.attributes == {
        "client": "Fast",
        "provider": "Fast",
        "model": "small",
        "scenario": "helper",
        "request": {"temperature": 0.5},
        "answered_by": "small-2",
        "answer_id": "answer-1",
        "finish_reason": "stop",
        "usage": {"input_tokens": 10, "output_tokens": 2, "cost": 0.00003},
    }


def test_client_may_say_who_runs_the_model_and_which_it_asks() -> None:
    class Named(Fast):
        provider_name = "acme"
        model_name = "large"

    recorder = Recorder()

    support(recorder, Named(), text=ASK.replace("model: small, ", "")).run()

    question = named(recorder, SpanKind.MODEL)[0]
    assert (question.name, question.attributes["provider"]) == ("large", "acme")


def test_what_a_client_says_of_itself_does_no_harm() -> None:
    class Odd(Fast):
        model_name = 7

        @property
        def provider_name(self) -> str:
            raise RuntimeError("not now")

    recorder = Recorder()

    assert support(recorder, Odd()).run().outputs

    assert named(recorder, SpanKind.MODEL)[0].attributes["provider"] == "Odd"


def test_question_that_sums_up_a_conversation_says_so() -> None:
    store = InMemoryStore()
    before = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    asyncio.run(store.save("chat/key/ada", before, version=0))
    memory = "      memory: {name: chat, key: ada, summary: {after: 2, keep: 1}}\n"
    recorder = Recorder()

    support(recorder, Fast(), text=ASK + memory, memory=store).run()

    assert [span.attributes.get("purpose") for span in named(recorder, SpanKind.MODEL)] == [
        *(None, None, "summary")
    ]


@pytest.mark.parametrize(
    ("calls", "name", "error_type"),
    [
        pytest.param(tool_calls("made up by the model"), "unknown tool", "unknown_tool", id="unknown"),
        pytest.param(tool_calls(("find", {"nam": 1})), "find", "wrong_arguments", id="arguments"),
        pytest.param(tool_calls("clock"), "clock", "ToolError", id="tool_error"),
        pytest.param(tool_calls("think"), "think", "LookupError", id="exception"),
    ],
)
def test_tool_that_has_failed_says_why(calls: object, name: str, error_type: str) -> None:
    def clock() -> None:
        raise ToolError("private reason")

    async def think() -> None:
        raise LookupError("private reason")

    text = ASK + "      on_tool_error: tell\n"
    for errors in (False, True):
        recorder = asked(
            calls, "done", text=text, tools={**TOOLS, "clock": clock, "think": think}, errors=errors
        )

        (tool,) = named(recorder, SpanKind.TOOL)
        assert (tool.name, tool.state, tool.error_type) == (name, State.FAILED, error_type)
        assert (tool.error is not None) is errors


def test_step_has_the_codes_of_its_warnings_in_their_order() -> None:
    text = ASK + "      output: {fields: {queue: {enum: [bug]}}}\n"
    text += "  - {id: other, needs: [ask], agent: {messages: [{role: user, content: x}]}}\n"

    recorder = asked(
        "private", {"content": '{"queue": "x"}', "finish_reason": "length"}, '{"queue": "bug"}', text=text
    )

    warned = {
        span.name: span.attributes["warnings"] for span in recorder.spans if "warnings" in span.attributes
    }
    assert warned == {"ask": ["answer_rejected", "answer_cut_off", "answer_rejected"]}


def test_step_that_swallows_its_time_limit_has_the_warning() -> None:
    async def stubborn() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)

    recorder = Recorder()
    text = "steps:\n  - {id: act, tool: act, timeout: 0.02, on_error: continue}\n"
    run_workflow(text, tools={"act": stubborn}, options=Options(trace=recorder))

    (step,) = named(recorder, SpanKind.STEP)
    assert step.attributes["warnings"] == ["cancellation_ignored"]


def test_step_has_no_warning_of_those_inside_it(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ignored_cancellation, "PATIENCE", 0.01)

    async def act(what: str) -> None:
        if what == "fail":
            raise ConnectionError
        try:
            await asyncio.sleep(60)
        finally:
            while "has not ended" not in caplog.text:
                await asyncio.sleep(0.001)

    recorder = Recorder()
    text = "steps:\n  - {id: rows, for_each: [sleep, fail], tool: act, with: {what: '${item}'}}\n"
    with pytest.raises(ConnectionError):
        run_workflow(text, tools={"act": act}, options=Options(trace=recorder))

    rows, *_ = named(recorder, SpanKind.STEP, "rows")
    assert "step 'rows[0]' has not ended" in caplog.text
    assert "warnings" not in rows.attributes


def test_neither_questions_nor_answers_nor_arguments_nor_results_are_in_a_trace() -> None:
    recorder = Recorder()

    support(recorder, Blocking()).run()

    text = json.dumps(recorder.as_data())
    assert "small" in text
    assert "private" not in text


def test_question_and_tool_that_are_cancelled_say_so() -> None:
    class Slow:
        async def call_llm(self, **_: object) -> Mapping[str, object]:
            await asyncio.sleep(60)
            raise AssertionError

    async def think() -> str:
        await asyncio.sleep(60)
        raise AssertionError

    recorder = Recorder()
    text = ASK.replace("    agent:", "    timeout: 0.05\n    on_error: continue\n    agent:")
    support(recorder, Slow(), text=text).run()
    Runtime(text, tools={**TOOLS, "think": think}, llm=Fast(), options=Options(trace=recorder)).run()

    assert [span.state for span in named(recorder, SpanKind.MODEL)] == [State.CANCELLED, State.OK]
    (cancelled,) = named(recorder, SpanKind.TOOL, "think")
    assert cancelled.state is State.CANCELLED
    assert [span.name for span in recorder.spans if span.ended is None] == []


def test_question_whose_client_blocks_has_ended_when_it_is_cancelled_whatever_its_thread_does() -> None:
    release, recorder = threading.Event(), Recorder()

    class Slow:
        def call_llm(self, **_: object) -> Mapping[str, object]:
            release.wait(LIMIT)
            return {"content": "late"}

    text = ASK.replace("    agent:", "    timeout: 0.05\n    on_error: continue\n    agent:")
    support(recorder, Slow(), text=text).run()
    release.set()

    (question,) = named(recorder, SpanKind.MODEL)
    assert (question.state, question.error_type) == (State.CANCELLED, "CancelledError")
    assert question.ended is not None
