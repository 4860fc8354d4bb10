"""Tracers do no harm: not by failing, not by growing, not by what they keep alive."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest

from agent_runtime import Executor, Options, Runtime
from agent_runtime.tracing import Recorder, Span, SpanKind
from tests.helpers.children import run_child
from tests.helpers.traced import WAYS, by_run_in_a_thread, by_stream, named, outer


class Broken:
    wants_errors = False

    def started(self, span: Span) -> None:
        raise ValueError(f"no disk for {span.name}")

    def ended(self, span: Span) -> None:
        raise ValueError(f"no disk for {span.name}")


def test_tracer_that_fails_does_no_harm_and_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    executor = Executor(
        [{"id": "a", "function": "f"}, {"id": "b", "function": "f"}],
        functions={"f": lambda: 1},
        options=Options(trace=Broken()),
    )

    with caplog.at_level(logging.ERROR, "agent_runtime"):
        assert executor.run().outputs == {"a": 1, "b": 1}

    assert [record.getMessage() for record in caplog.records] == [
        "the tracer Broken failed; this is said once, and its trace has gaps"
    ]


def test_what_is_no_tracer_is_refused() -> None:
    with pytest.raises(TypeError, match="trace= is a Tracer, such as"):
        Options(trace="out.json")  # type: ignore[arg-type]  # the point


def test_recorder_keeps_the_first_spans_and_counts_the_others() -> None:
    recorder = Recorder(limit=4)

    outer(recorder).run()
    outer(recorder).run()

    assert [span.name for span in recorder.spans] == ["Runtime.run", "outer", "plain", "<lambda>"]
    assert recorder.dropped == 18
    assert recorder.as_data()["dropped"] == 18


def test_threads_may_share_a_recorder() -> None:
    recorder = Recorder()
    runtime = outer(recorder)
    threads = [threading.Thread(target=runtime.run) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(recorder.spans) == 8 * 11
    assert {len({span.run_id for span in named(recorder, kind)}) for kind in (SpanKind.RUN,)} == {16}
    for run in named(recorder, SpanKind.RUN, "outer"):
        assert [span.run_id for span in recorder.spans if span.parent is run] == [run.run_id] * 3


def test_file_of_a_recorder_is_json_in_microseconds_from_the_first_span(tmp_path: Path) -> None:
    recorder = Recorder()
    outer(recorder).run()

    recorder.write(tmp_path / "out.json")

    data = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert (data["format"], data["version"], data["dropped"]) == ("agent-runtime trace", 1, 0)
    assert data["spans"][0]["start"] == 0
    assert data["spans"][0]["name"] == "Runtime.run"
    assert abs(data["started"] - time.time()) < 60
    assert len(data["threads"]) == 3


class MarkedError(Exception):
    """One that can be watched."""


def fail_by_run(runtime: Runtime) -> None:
    with contextlib.suppress(MarkedError):  # pytest.raises() would keep it
        runtime.run()


def fail_by_run_async(runtime: Runtime) -> None:
    async def main() -> None:
        with contextlib.suppress(MarkedError):
            await runtime.run_async()

    asyncio.run(main())


def fail_by_stream(runtime: Runtime) -> None:
    with contextlib.suppress(MarkedError):
        by_stream(runtime)


@pytest.mark.parametrize("way", [way for way in WAYS if way is not by_run_in_a_thread])
def test_exception_comes_out_as_it_was_raised(way: Callable[[Runtime], None]) -> None:
    raised: list[MarkedError] = []

    def bad() -> None:
        raised.append(MarkedError())
        raise raised[0]

    workflow = "steps:\n  - {id: bad, function: bad}\n"
    with pytest.raises(MarkedError) as caught:
        way(Runtime(workflow, functions={"bad": bad}, options=Options(trace=Recorder())))

    assert caught.value is raised[0]
    assert caught.value.__context__ is None
    assert caught.traceback[-1].name == "bad"


@pytest.mark.parametrize("thread", ["caller", "worker"])
@pytest.mark.parametrize(
    "way", [fail_by_run, fail_by_run_async, fail_by_stream], ids=lambda way: way.__name__
)
def test_trace_keeps_no_exception_alive(way: Callable[[Runtime], None], thread: str) -> None:
    freed = threading.Semaphore(0)

    def bad() -> None:
        error = MarkedError()
        weakref.finalize(error, freed.release)
        try:
            raise error
        finally:
            del error

    runtime = Runtime(
        f"steps:\n  - {{id: bad, function: bad, thread: {thread}, retry: {{attempts: 2}}}}\n",
        functions={"bad": bad},
        options=Options(trace=Recorder(errors=True)),
    )
    gc.collect()
    gc.disable()
    try:
        way(runtime)

        assert [freed.acquire(timeout=30) for _ in range(2)] == [True, True]
    finally:
        gc.enable()


def test_run_without_a_trace_imports_nothing_of_it() -> None:
    child = run_child(
        """
        import sys
        from agent_runtime import run_workflow
        run_workflow("steps:\\n  - {id: a, function: f}\\n", functions={"f": lambda: 1})
        print([name for name in sys.modules if "tracing" in name and name.startswith("agent_runtime")])
        """
    ).check()

    assert child.lines == ["[]"]
