"""OpenTelemetry has a span for each run, step, attempt and errand, with the right parent across every hop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping

import pytest

from agent_runtime import Options, Runtime, ScriptedClient, run_workflow
from agent_runtime.tracing import OpenTelemetryTracer
from tests.helpers.children import run_child
from tests.helpers.traced import WAYS, by_run_in_a_thread

pytest.importorskip("opentelemetry.sdk", reason="`nox -s tests` brings opentelemetry-sdk")

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan

from tests.helpers.exported import Exported

WORKFLOW = """
name: outer
inputs: {word: {default: "confidential input"}}
steps:
  - {id: plain, function: plain, with: {word: "${inputs.word}"}}
  - {id: awaited, tool: awaited, needs: [plain]}
  - {id: nested, function: nested, thread: worker, needs: [awaited]}
  - {id: ask, needs: [nested], agent: {messages: [{role: user, content: "a confidential question"}]}}
"""


@pytest.fixture
def exported() -> Exported:
    return Exported()


def runtime_of(exported: Exported) -> Runtime:
    """A workflow whose code makes spans of its own: on the caller's thread, the loop's, a worker's."""
    inner = Runtime(
        "name: inner\nsteps:\n  - {id: deep, function: deep}\n", functions={"deep": lambda: mark("d")}
    )

    def mark(name: str) -> str:
        with exported.own.start_as_current_span(f"own {name}"):
            return "confidential output"

    def plain(word: str) -> str:
        return mark("p")

    async def awaited() -> str:
        await asyncio.sleep(0)
        return mark("a")

    def nested() -> None:
        inner.run()

    return Runtime(
        WORKFLOW,
        functions={"plain": plain, "nested": nested},
        tools={"awaited": awaited},
        options=Options(trace=OpenTelemetryTracer(exported.provider)),
    )


def way_with_call(way: Callable[[Runtime], None]) -> list[str]:
    return (
        ["call Runtime.run"]
        if way.__name__ in ("by_run", "by_run_inside_a_loop", "by_run_in_a_thread")
        else []
    )


@pytest.mark.parametrize("way", WAYS)
def test_spans_have_the_right_parents_across_every_hop(
    exported: Exported, way: Callable[[Runtime], None]
) -> None:
    head = [] if way is by_run_in_a_thread else ["request"]  # a thread has a context of its own

    with exported.own.start_as_current_span("request") as request:
        way(runtime_of(exported))
        assert trace.get_current_span() is request

    head += [*way_with_call(way), "run outer"]
    errand = f"errand {runtime_of.__qualname__}.<locals>."
    deep = f"errand {runtime_of.__qualname__}.<locals>.<lambda>"
    assert exported.path_to(exported.named("own p")) == [*head, "step plain", f"{errand}plain", "own p"]
    assert exported.path_to(exported.named("own a")) == [*head, "step awaited", "own a"]
    assert exported.path_to(exported.named("own d")) == [
        *head,
        *("step nested", f"{errand}nested", "call Runtime.run", "run inner", "step deep", deep, "own d"),
    ]


def test_one_trace_has_them_all_and_their_times_are_inside_each_other(exported: Exported) -> None:
    with exported.own.start_as_current_span("request"):
        runtime_of(exported).run()

    by_id = {span.context.span_id: span for span in exported.spans if span.context is not None}
    assert len({span.context.trace_id for span in exported.spans if span.context is not None}) == 1
    for span in exported.spans:
        if span.parent is not None and not span.name.startswith("own"):
            around = by_id[span.parent.span_id]
            if around.name != "request":  # its times are of another clock
                assert around.start_time is not None
                assert span.start_time is not None
                assert around.start_time <= span.start_time


def test_attempts_stand_side_by_side_in_their_step(exported: Exported) -> None:
    tries = iter((OSError("not yet"), OSError("not yet"), None))

    def flaky() -> None:
        if (error := next(tries)) is not None:
            raise error

    run_workflow(
        "name: again\nsteps:\n  - {id: flaky, function: flaky, retry: {attempts: 3}}\n",
        functions={"flaky": flaky},
        options=Options(trace=OpenTelemetryTracer(exported.provider)),
    )

    paths = [exported.path_to(span) for span in exported.spans if span.name.startswith("errand")]
    around = ["call run_workflow", "run again", "step flaky", "attempt flaky"]
    assert [path[:-1] for path in paths] == [around] * 3
    attempts = [span for span in exported.spans if span.name == "attempt flaky"]
    assert [attributes_of(span)["agent_runtime.number"] for span in attempts] == [1, 2, 3]


def attributes_of(span: ReadableSpan) -> Mapping[str, object]:
    return dict(span.attributes or {})


def test_attributes_tell_thread_step_waiting_and_usage(exported: Exported) -> None:
    runtime_of(exported).run()

    plain = attributes_of(exported.named(f"errand {runtime_of.__qualname__}.<locals>.plain"))
    assert plain["thread.id"] == threading.get_ident()
    assert isinstance(plain["agent_runtime.waited_ms"], float)
    awaited = attributes_of(exported.named("step awaited"))
    assert awaited["agent_runtime.after"] == ("plain",)
    assert (awaited["agent_runtime.action"], awaited["agent_runtime.function"]) == ("tool", "awaited")
    ask = attributes_of(exported.named("step ask"))
    assert (ask["agent_runtime.usage.input_tokens"], "gen_ai.usage.input_tokens" in ask) == (3, False)
    assert attributes_of(exported.named("chat"))["gen_ai.usage.input_tokens"] == 3


def test_call_tells_how_long_a_host_loop_stood_still(exported: Exported) -> None:
    async def host() -> None:
        runtime_of(exported).run()

    asyncio.run(host())

    (call,) = [span for span in exported.spans if span.name == "call Runtime.run" and span.parent is None]
    stood_still = attributes_of(call)["agent_runtime.host_loop_stood_still_ms"]
    assert isinstance(stood_still, float)
    assert stood_still > 0


def test_neither_inputs_nor_outputs_nor_secrets_nor_texts_of_errors_are_told(exported: Exported) -> None:
    def bad(key: str, word: str) -> None:
        raise ValueError(f"confidential error {key} {word}")

    runtime_of(exported).run()
    workflow = (
        "inputs: {word: {}}\nsteps:\n  - id: bad\n    function: bad\n"
        "    with: {key: '${secrets.key}', word: '${inputs.word}'}\n"
    )
    with pytest.raises(ValueError, match="confidential error"):
        run_workflow(
            workflow,
            inputs={"word": "confidential word"},
            functions={"bad": bad},
            secrets={"key": "confidential-key-1"},
            llm=ScriptedClient({"ask": "confidential answer"}),
            options=Options(trace=OpenTelemetryTracer(exported.provider)),
        )

    failed = exported.named("step bad")
    assert failed.status.status_code is trace.StatusCode.ERROR
    assert failed.status.description == "ValueError"
    assert attributes_of(failed)["error.type"] == "ValueError"
    assert [span.name for span in exported.spans if "confidential" in span.to_json()] == []


def test_texts_of_errors_are_told_when_asked_for_without_secrets(exported: Exported) -> None:
    def bad(key: str) -> None:
        raise ValueError(f"wrong key {key}")

    with pytest.raises(ValueError, match="wrong key"):
        run_workflow(
            "steps:\n  - {id: bad, function: bad, with: {key: '${secrets.key}'}}\n",
            functions={"bad": bad},
            secrets={"key": "sk-very-secret"},
            options=Options(trace=OpenTelemetryTracer(exported.provider, errors=True)),
        )

    assert str(exported.named("step bad").status.description).startswith("ValueError: wrong key ")
    assert "sk-very-secret" not in "".join(span.to_json() for span in exported.spans)


def test_routes_of_fastapi_are_the_parents_of_their_runs(exported: Exported) -> None:
    from fastapi import FastAPI
    from httpx import ASGITransport, AsyncClient

    app = FastAPI()
    runtime = runtime_of(exported)

    @app.get("/sync")
    def sync_route() -> None:
        with exported.own.start_as_current_span("sync request"):
            runtime.run()

    @app.get("/blocking")
    async def blocking_route() -> None:
        with exported.own.start_as_current_span("blocking request"):
            runtime.run()

    @app.get("/async")
    async def async_route() -> None:
        with exported.own.start_as_current_span("async request"):
            await runtime.run_async()

    async def ask() -> None:
        async with AsyncClient(transport=ASGITransport(app=app), base_url="http://test") as client:
            answers = await asyncio.gather(
                *(client.get(f"/{name}") for name in ("sync", "blocking", "async"))
            )
        assert [answer.status_code for answer in answers] == [200, 200, 200]

    asyncio.run(ask())

    tops = sorted(exported.path_to(span)[:2] for span in exported.spans if span.name == "own d")
    assert tops == [
        ["async request", "run outer"],
        ["blocking request", "call Runtime.run"],
        ["sync request", "call Runtime.run"],
    ]


def test_tracer_says_which_extra_is_missing() -> None:
    child = run_child(
        """
        import sys
        sys.modules["opentelemetry"] = None
        from agent_runtime.tracing import OpenTelemetryTracer
        try:
            OpenTelemetryTracer()
        except ImportError as error:
            print(error)
        """
    ).check()

    assert child.lines == ["OpenTelemetryTracer needs opentelemetry-api; install agent-runtime[otel]"]
