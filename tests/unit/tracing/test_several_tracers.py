"""Several tracers are told of the same runs, and none of them disturbs another."""

from __future__ import annotations

import contextvars
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from agent_runtime import Options, Runtime, run_workflow
from agent_runtime.tracing import Recorder, Span, SpanKind, Tracer
from tests.helpers.questions import ASK, TOOLS, Blocking
from tests.helpers.traced import WAYS, path_to

ONE = "steps: [{id: a, function: f}]\n"
FAILING = "steps:\n  - {id: bad, function: bad}\n"


def asking(*tracers: Tracer) -> Runtime:
    return Runtime(ASK, tools=TOOLS, llm=Blocking(), options=Options(trace=tracers))


def paths(recorder: Recorder) -> list[list[str]]:
    """Return where each span stands; but not the waits of a stream's reader: some are too short to tell."""
    return [path_to(span) for span in recorder.spans if not span.name.endswith("next event")]


def fail() -> None:
    raise ValueError("a private reason")


def failing(*tracers: Tracer) -> None:
    with pytest.raises(ValueError, match="private reason"):
        run_workflow(FAILING, functions={"bad": fail}, options=Options(trace=tracers))


@pytest.mark.parametrize("way", WAYS)
def test_each_tracer_is_told_of_every_span(way: Callable[[Runtime], None]) -> None:
    alone, one, other = Recorder(), Recorder(), Recorder()

    way(asking(alone))
    way(asking(one, other))

    assert one.spans == other.spans
    assert sorted(paths(one)) == sorted(paths(other)) == sorted(paths(alone))


def test_tracer_that_fails_disturbs_neither_the_others_nor_the_run(caplog: pytest.LogCaptureFixture) -> None:
    class Failing:
        wants_errors = False

        def started(self, span: Span) -> None:
            raise ValueError(f"no disk for {span.name}")

        def ended(self, span: Span) -> None:
            raise ValueError(f"no disk for {span.name}")

    before, after = Recorder(), Recorder()

    with caplog.at_level(logging.ERROR, "agent_runtime"):
        assert asking(before, Failing(), after).run().outputs

    assert paths(before) == paths(after)
    assert [span for span in after.spans if span.ended is None] == []
    assert [record.getMessage() for record in caplog.records] == [
        "the tracer Failing failed; this is said once, and its trace has gaps"
    ]


def test_what_each_tracer_sets_is_seen_by_the_work() -> None:
    places = [contextvars.ContextVar(f"place{number}", default="") for number in range(2)]

    class Marking(Recorder):
        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

        def started(self, span: Span) -> None:
            places[self.number].set(f"{span.kind} {self.number}")

    seen: list[list[str]] = []
    run_workflow(
        "steps:\n  - {id: a, function: look}\n",
        functions={"look": lambda: seen.append([place.get() for place in places])},
        options=Options(trace=[Marking(0), Marking(1)]),
    )

    assert seen == [["errand 0", "errand 1"]]


def test_recorder_that_wants_no_texts_keeps_none_beside_one_that_does() -> None:
    plain, telling = Recorder(), Recorder(errors=True)

    failing(plain, telling)

    assert "private reason" in json.dumps(telling.as_data())
    assert "private reason" not in json.dumps(plain.as_data())


def test_run_inside_that_tells_one_of_them_alone_keeps_its_place() -> None:
    recorder, other = Recorder(), Recorder()
    inner = Runtime(ONE, functions={"f": int}, options=Options(trace=recorder))
    options = Options(trace=(other, recorder))

    run_workflow("name: outer\n" + ONE, functions={"f": inner.run}, options=options)

    assert path_to(recorder.spans[-1])[1:3] == ["run outer", "step a"]
    assert "call Runtime.run" in path_to(recorder.spans[-1])
    assert "call Runtime.run" not in [f"{span.kind} {span.name}" for span in other.spans]


def test_tracer_that_is_given_twice_is_told_once() -> None:
    once, twice = Recorder(), Recorder()

    asking(once).run()
    asking(twice, twice, Recorder()).run()

    assert len(twice.spans) == len(once.spans)


@pytest.mark.parametrize("many", [(), []], ids=["tuple", "list"])
def test_no_tracer_among_none_is_told(many: Any) -> None:
    assert run_workflow(ONE, functions={"f": int}, options=Options(trace=many)).outputs == {"a": 0}


def test_tracer_that_counts_as_empty_is_told() -> None:
    class Kept(list[Span]):
        wants_errors = False

        def started(self, span: Span) -> None:
            self.append(span)

        def ended(self, span: Span) -> None:
            pass

    kept = Kept()
    run_workflow(ONE, functions={"f": int}, options=Options(trace=kept))

    assert [span.kind for span in kept] == [SpanKind.CALL, SpanKind.RUN, SpanKind.STEP, SpanKind.ERRAND]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        pytest.param("out.json", "trace= is a Tracer, such as", id="text"),
        pytest.param((Recorder(), "out.json"), "trace=[...] has 'out.json' at place 1", id="text_among_them"),
        pytest.param([None], "trace=[...] has None at place 0", id="none"),
    ],
)
def test_what_is_no_tracer_is_refused(given: Any, says: str) -> None:
    with pytest.raises(TypeError) as caught:
        Options(trace=given)

    assert says in str(caught.value)
