"""A trace says what happened in a run, on which thread, inside of what; a run without one pays nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from agent_runtime import Options, Runtime, run_workflow
from agent_runtime.tracing import Recorder, SpanKind, current_span
from tests.helpers.traced import (
    FUNCTIONS,
    WAYS,
    by_run_inside_a_loop,
    by_stream,
    named,
    outer,
    path_to,
)


@pytest.mark.parametrize("way", WAYS)
def test_every_hop_keeps_the_right_parent(way: Callable[[Runtime], None]) -> None:
    recorder = Recorder()

    way(outer(recorder))

    (deep,) = named(recorder, SpanKind.STEP, "deep")
    head = ["call Runtime.run"] if "by_run_async" not in way.__name__ and "run" in way.__name__ else []
    assert path_to(deep) == [
        *head,
        "run outer",
        "step nested",
        f"errand {FUNCTIONS['nested'].__qualname__}",
        "call Runtime.run",
        "run inner",
        "step deep",
    ]
    assert current_span.get() is None


@pytest.mark.parametrize("way", WAYS)
def test_every_span_has_an_end_after_its_beginning(way: Callable[[Runtime], None]) -> None:
    recorder = Recorder()

    way(outer(recorder))

    assert len(recorder.spans) >= 10
    assert [span.name for span in recorder.spans if span.ended is None or span.ended < span.started] == []


@pytest.mark.parametrize("way", WAYS)
def test_errand_says_when_it_was_sent_begun_ended_and_heard_of(way: Callable[[Runtime], None]) -> None:
    recorder = Recorder()

    way(outer(recorder))

    for span in named(recorder, SpanKind.ERRAND):
        sent, received = span.attributes["sent"], span.attributes["received"]
        assert isinstance(sent, int)
        assert isinstance(received, int)
        assert span.ended is not None
        assert sent <= span.started <= span.ended <= received


def test_spans_name_the_three_kinds_of_thread() -> None:
    recorder = Recorder()

    outer(recorder).run()

    (call, *_) = named(recorder, SpanKind.CALL)
    (run, *_) = named(recorder, SpanKind.RUN)
    plain, nested, *_ = named(recorder, SpanKind.ERRAND)
    assert call.thread == plain.thread == threading.get_ident()
    assert len({call.thread, run.thread, nested.thread}) == 3
    assert (plain.attributes["lane"], nested.attributes["lane"]) == ("caller", "worker")
    assert "agent_runtime worker" in nested.thread_name


def test_neither_inputs_nor_outputs_nor_texts_of_errors_are_in_a_trace() -> None:
    recorder = Recorder()
    workflow = "inputs: {word: {}}\nsteps:\n  - {id: bad, function: bad, with: {word: '${inputs.word}'}}\n"

    def bad(word: str) -> None:
        raise ValueError(word)

    outer(recorder).run({"word": "secret input"})
    with pytest.raises(ValueError, match="secret input"):
        run_workflow(
            workflow,
            inputs={"word": "secret input"},
            functions={"bad": bad},
            options=Options(trace=recorder),
        )

    (failed,) = named(recorder, SpanKind.STEP, "bad")
    assert (failed.state, failed.error_type) == ("failed", "ValueError")
    assert "secret" not in json.dumps(recorder.as_data())


def test_texts_of_errors_are_kept_when_asked_for_without_the_runs_secrets() -> None:
    recorder = Recorder(errors=True)
    workflow = "steps:\n  - {id: bad, function: bad, with: {key: '${secrets.key}'}}\n"

    def bad(key: str) -> None:
        raise ValueError(f"no such key: {key}")

    with pytest.raises(ValueError, match="no such key"):
        run_workflow(
            workflow,
            functions={"bad": bad},
            secrets={"key": "sk-very-secret"},
            options=Options(trace=recorder),
        )

    (failed,) = named(recorder, SpanKind.STEP, "bad")
    assert failed.error is not None
    assert failed.error.startswith("no such key: ")
    assert "sk-very-secret" not in json.dumps(recorder.as_data())


EVERYTHING = """
steps:
  - id: block
    steps:
      - {id: one, function: good}
      - {id: two, function: good, needs: [one]}
  - {id: each, function: item, for_each: [1, 2], with: {x: "${item}"}}
  - {id: again, function: good, repeat: {max: 2}}
  - {id: flaky, function: flaky, retry: {attempts: 3}}
  - {id: rescued, function: bad, fallback: {function: good}}
  - {id: skipped, function: good, when: "${1 == 2}"}
  - {id: done, function: good, compensate: {function: good}, needs: [block, each, again, flaky, rescued]}
  - {id: last, function: bad, needs: [done]}
"""


def run_everything(recorder: Recorder) -> None:
    tries: Iterator[int] = iter(range(10))

    def flaky() -> None:
        if next(tries) < 2:
            raise OSError("not yet")

    def bad() -> None:
        raise ValueError("bad")

    registered: dict[str, Callable[..., object]] = {
        "good": lambda: 1,
        "item": lambda x: x,
        "flaky": flaky,
        "bad": bad,
    }
    with pytest.raises(ValueError, match="bad"):
        run_workflow(EVERYTHING, functions=registered, options=Options(trace=recorder))


@pytest.mark.parametrize(
    ("step", "inside"),
    [
        pytest.param("block.two", "step block", id="block"),
        pytest.param("each[1]", "step each", id="item"),
        pytest.param("again[1]", "step again", id="time"),
        pytest.param("rescued:fallback", "step rescued", id="fallback"),
        pytest.param("done:compensate", "run workflow", id="compensation"),
    ],
)
def test_step_of_a_step_stands_inside_it(step: str, inside: str) -> None:
    recorder = Recorder()

    run_everything(recorder)

    (span,) = named(recorder, SpanKind.STEP, step)
    assert path_to(span)[-2] == inside


def test_each_attempt_is_a_span_with_its_own_failure() -> None:
    recorder = Recorder()

    run_everything(recorder)

    attempts = named(recorder, SpanKind.ATTEMPT)
    assert [path_to(span)[-2] for span in attempts] == ["step flaky"] * 3
    assert [(span.state, span.error_type) for span in attempts] == [
        ("failed", "OSError"),
        ("failed", "OSError"),
        ("ok", None),
    ]
    for span in attempts:
        assert [each.kind for each in recorder.spans if each.parent is span] == [SpanKind.ERRAND]


def test_spans_say_how_steps_ended_and_what_they_waited_for() -> None:
    recorder = Recorder()

    run_everything(recorder)

    steps = {span.name: span for span in named(recorder, SpanKind.STEP)}
    assert steps["skipped"].state == "skipped"
    assert (steps["rescued"].state, steps["rescued"].attributes["outcome"]) == ("ok", "recovered")
    assert steps["rescued"].error_type == "ValueError"
    assert steps["block.two"].attributes["after"] == ["block.one"]
    assert steps["flaky"].attributes["attempts"] == 3
    assert steps["last"].state == "failed"
    (run,) = named(recorder, SpanKind.RUN)
    assert (run.state, run.error_type) == ("failed", "ValueError")


def test_cut_off_runs_have_ends_as_well() -> None:
    recorder = Recorder()
    workflow = "name: cut\nsteps:\n  - {id: slow, tool: slow}\n"

    async def slow() -> None:
        await asyncio.sleep(3600)

    runtime = Runtime(workflow, tools={"slow": slow}, options=Options(trace=recorder))
    with pytest.raises(TimeoutError):
        runtime.run(timeout=0.01)
    with pytest.raises(TimeoutError):
        asyncio.run(runtime.run_async(timeout=0.01))
    with contextlib.closing(runtime.stream()) as events:
        next(events)
        next(events)

    assert [span.name for span in recorder.spans if span.ended is None] == []
    assert {span.state for span in named(recorder, SpanKind.STEP)} == {"cancelled"}
    assert {span.state for span in named(recorder, SpanKind.RUN)} == {"cancelled"}


def test_call_says_that_a_host_loop_stood_still() -> None:
    recorder = Recorder()

    by_run_inside_a_loop(outer(recorder))

    call, inner = named(recorder, SpanKind.CALL)
    assert "EventLoop" in str(call.attributes["host_loop"])
    assert "turned" not in call.attributes
    assert "host_loop" not in inner.attributes


def test_call_says_that_a_host_loop_went_on_where_greenback_lets_it() -> None:
    greenback = pytest.importorskip("greenback")
    recorder = Recorder()
    runtime = outer(recorder)

    async def main() -> None:
        await greenback.ensure_portal()
        runtime.run()

    asyncio.run(main())

    call = named(recorder, SpanKind.CALL)[0]
    turned = call.attributes["turned"]
    assert isinstance(turned, int)
    assert call.ended is not None
    assert call.started <= turned <= call.ended


def test_wait_of_a_streams_reader_is_a_call_on_its_thread() -> None:
    recorder = Recorder()
    runtime = Runtime(
        "steps:\n  - {id: slow, tool: slow}\n",
        tools={"slow": lambda: time.sleep(0.02)},
        options=Options(trace=recorder),
    )

    by_stream(runtime)

    waits = named(recorder, SpanKind.CALL, "Runtime.stream: next event")
    assert waits
    assert {span.thread for span in waits} == {threading.get_ident()}
    assert all(span.ended is not None and span.ended - span.started >= 1_000_000 for span in waits)
