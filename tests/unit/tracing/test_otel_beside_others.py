"""OpenTelemetry and other tracers are told of the same runs, and stay apart."""

from __future__ import annotations

import pytest

from agent_runtime import Options, Runtime
from agent_runtime.tracing import OpenTelemetryTracer, Recorder, Tracer
from tests.helpers.questions import ASK, TOOLS, Blocking
from tests.helpers.traced import path_to

pytest.importorskip("opentelemetry.sdk", reason="`nox -s tests` brings opentelemetry-sdk")

from tests.helpers.exported import Exported

FAILING = "steps:\n  - {id: bad, function: bad}\n"


def asking(*tracers: Tracer) -> Runtime:
    return Runtime(ASK, tools=TOOLS, llm=Blocking(), options=Options(trace=tracers))


def fail() -> None:
    raise ValueError("a private reason")


def failing(*tracers: Tracer) -> None:
    with pytest.raises(ValueError, match="private reason"):
        Runtime(FAILING, functions={"bad": fail}, options=Options(trace=tracers)).run()


def test_recorder_and_opentelemetry_have_the_same_tree() -> None:
    exported, recorder = Exported(), Recorder()

    asking(recorder, OpenTelemetryTracer(exported.provider)).run()

    assert len(exported.spans) == len(recorder.spans)
    depths = [len(exported.path_to(span)) for span in exported.spans]
    assert sorted(depths) == sorted(len(path_to(span)) for span in recorder.spans)


def test_two_of_opentelemetry_do_not_stand_in_each_other() -> None:
    one, other = Exported(), Exported()

    with one.own.start_as_current_span("request"):
        asking(OpenTelemetryTracer(one.provider), OpenTelemetryTracer(other.provider)).run()

    for exported in (one, other):
        tops = {span.name for span in exported.spans if span.parent == one.named("request").context}
        assert tops == {"call Runtime.run"}


def test_opentelemetry_that_wants_no_texts_is_told_none_beside_one_that_does() -> None:
    plain, telling = Exported(), Exported()

    failing(OpenTelemetryTracer(plain.provider), OpenTelemetryTracer(telling.provider, errors=True))

    assert "private reason" in str(telling.named("step bad").status.description)
    assert plain.named("step bad").status.description == "ValueError"
