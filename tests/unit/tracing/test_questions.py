"""Questions to models and the tools that they call are spans, with the right parent across every hop."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from agent_runtime import (
    InMemoryStore,
    LLMClient,
    Options,
    Runtime,
    fast,
    run_workflow,
    tool_calls,
)
from agent_runtime.tracing import Recorder, Span, SpanKind, State, current_span
from tests.helpers.agents import LIMIT
from tests.helpers.questions import ASK, TOOLS, Awaited, Blocking, Fast, asked, support
from tests.helpers.traced import WAYS, named, path_to


@pytest.mark.parametrize("client", [Awaited, Blocking, Fast])
@pytest.mark.parametrize("way", WAYS)
def test_questions_and_tools_stand_in_their_step_on_its_loop(
    way: Callable[[Runtime], None], client: Callable[[], LLMClient]
) -> None:
    recorder = Recorder()

    way(support(recorder, client()))

    (step,) = named(recorder, SpanKind.STEP, "ask")
    inside = [span for span in recorder.spans if span.parent is step]
    assert sorted(f"{span.kind} {span.name}" for span in inside) == [
        "model small",
        "model small",
        "tool clock",
        "tool find",
        "tool think",
    ]
    assert {span.thread for span in inside} == {step.thread}
    assert {span.state for span in recorder.spans} == {State.OK}
    assert [span.name for span in recorder.spans if span.ended is None] == []
    assert current_span.get() is None


@pytest.mark.parametrize("way", WAYS)
def test_what_a_tool_or_a_model_does_stands_in_it_on_whichever_thread(way: Callable[[Runtime], None]) -> None:
    recorder = Recorder()

    way(support(recorder, Blocking()))

    paths = [path_to(span) for span in named(recorder, SpanKind.STEP, "deep")]
    inside = sorted(tuple(path[path.index("step ask") + 1 : path.index("run inner")]) for path in paths)
    model = ("model small", f"errand {Blocking.__qualname__}.call_llm", "call Runtime.run")
    assert inside == [
        model,
        model,
        ("tool clock", "errand clock", "call Runtime.run"),
        ("tool find", "errand find", "call Runtime.run"),
        ("tool think",),
    ]


def test_blocking_client_is_an_errand_of_a_worker_inside_the_question() -> None:
    recorder = Recorder()

    support(recorder, Blocking()).run()

    errands = named(recorder, SpanKind.ERRAND, "call_llm")
    assert [span.attributes["lane"] for span in errands] == ["worker", "worker"]
    assert [span.parent for span in errands] == named(recorder, SpanKind.MODEL)
    assert not {span.thread for span in errands} & {span.thread for span in named(recorder, SpanKind.MODEL)}


def test_tools_of_a_turn_that_run_at_the_same_time_stand_side_by_side() -> None:
    meeting, seen = threading.Barrier(2), []

    def meet() -> str:
        meeting.wait(LIMIT)
        around = current_span.get()
        assert around is not None
        seen.append(path_to(around)[-2:])
        return "met"

    text = ASK.replace("tools: [find,", "tools: [{name: find, thread: worker},")
    recorder = asked(
        tool_calls("find", "clock"), "done", text=text, tools={**TOOLS, "find": meet, "clock": meet}
    )

    errand = f"errand {meet.__qualname__}"
    assert sorted(seen) == [["tool clock", errand], ["tool find", errand]]
    one, other = named(recorder, SpanKind.TOOL)
    assert one.parent is other.parent
    assert max(one.started, other.started) < min(one.ended or 0, other.ended or 0)


def test_question_of_an_inner_workflow_stands_in_its_inner_step() -> None:
    recorder = Recorder()
    inner = ASK.replace("name: support", "name: inner")
    options = Options(trace=recorder, workflows={"inner": inner})
    outer = "name: outer\nsteps:\n  - {id: sub, workflow: inner}\n"

    run_workflow(outer, tools=TOOLS, llm=Fast(), options=options)

    first, _ = named(recorder, SpanKind.MODEL)
    path = ["call run_workflow", "run outer", "step sub", "step sub.ask"]
    assert path_to(first) == [*path, "model small"]
    assert path_to(named(recorder, SpanKind.TOOL, "think")[0]) == [*path, "tool think"]


def test_question_of_an_attempt_stands_in_it_and_says_which() -> None:
    text = ASK.replace("    agent:", "    retry: {attempts: 2, backoff: 0}\n    agent:")

    recorder = asked(OSError("down"), "done", text=text)

    questions = named(recorder, SpanKind.MODEL)
    assert [path_to(span)[-3:] for span in questions] == [["step ask", "attempt ask", "model small"]] * 2
    assert [span.attributes["attempt"] for span in questions] == [1, 2]
    assert [(span.state, span.error_type) for span in questions] == [
        (State.FAILED, "OSError"),
        (State.OK, None),
    ]


def test_question_that_needs_no_agent_is_one_span() -> None:
    text = "steps:\n  - {id: ask, agent: {messages: [{role: user, content: Hello}]}}\n"

    recorder = asked("Hi", text=text)

    (question,) = named(recorder, SpanKind.MODEL)
    assert path_to(question)[-2:] == ["step ask", "model ScriptedClient"]


# What it changes for others: nothing

tracers_own: contextvars.ContextVar[str] = contextvars.ContextVar("tracers_own", default="outside")
clients_own: contextvars.ContextVar[str] = contextvars.ContextVar("clients_own", default="unset")


class Marking(Recorder):
    """Sets a context variable to where it is."""

    def started(self, span: Span) -> None:
        super().started(span)
        tracers_own.set(f"{span.kind} {span.name}")


def test_what_a_tracer_sets_for_a_question_is_seen_in_it_and_not_after_it() -> None:
    seen = []

    class Client(Fast):
        @fast
        def call_llm(self, messages: Sequence[Mapping[str, Any]], **_: object) -> Mapping[str, object]:
            seen.append(tracers_own.get())
            return self.reply(messages)

    class Store(InMemoryStore):
        async def save(self, *given: Any, **named: Any) -> bool:
            seen.append(tracers_own.get())
            return await super().save(*given, **named)

    text = ASK + "      memory: {name: chat, key: ada}\n"
    support(Marking(), Client(), text=text, memory=Store()).run()

    assert seen == ["model small", "model small", "step ask"]


@pytest.mark.parametrize("recorder", [None, Marking()], ids=["untraced", "traced"])
def test_variables_that_a_client_sets_are_seen_by_the_next_question_traced_or_not(
    recorder: Recorder | None,
) -> None:
    seen = []

    class Client(Awaited):
        async def call_llm(self, messages: Sequence[Mapping[str, Any]], **_: object) -> Mapping[str, object]:
            seen.append(clients_own.get())
            clients_own.set("set by the client")
            return self.reply(messages)

    Runtime(ASK, tools=TOOLS, llm=Client(), options=Options(trace=recorder)).run()

    assert seen == ["unset", "set by the client"]
