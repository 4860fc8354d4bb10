"""The timeline: what waited for whom, in which lane, and nothing of a trace taken for markup."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from pathlib import Path
from typing import Any

import pytest

from agent_runtime import Options, Runtime
from agent_runtime.cli import main
from agent_runtime.tracing import Recorder
from agent_runtime.tracing.lanes import lanes_of
from agent_runtime.tracing.page import page_of
from agent_runtime.tracing.trace_file import Trace, TraceError, trace_of
from agent_runtime.tracing.waits import duration, waits_of
from tests.helpers.traced import outer

HOSTILE = "</script><script>alert(1)</script><!--<img src=x onerror=alert(2)>{{script}}\u2028"


def span(**given: object) -> dict[str, Any]:
    return {
        "kind": "step",
        "name": "s",
        "run": "r",
        "thread": 0,
        "start": 0,
        "end": 5000,
        "state": "ok",
        **given,
    }


def trace(*spans: dict[str, Any], threads: tuple[str, ...] = ("MainThread",)) -> Trace:
    data = {
        "format": "agent-runtime trace",
        "version": 1,
        "started": 0,
        "spans": spans,
        "threads": list(threads),
    }
    return trace_of(json.loads(json.dumps(data)))


def traced_under_a_loop() -> Trace:
    """Two steps that need the calling thread at the same time, while an event loop runs in it."""
    recorder = Recorder()
    both_sent = threading.Event()
    workflow = "name: busy\nsteps:\n  - {id: first, function: first}\n  - {id: second, function: second}\n"

    def first() -> None:
        both_sent.wait(0.05)  # never set: long enough to be a wait of the other one

    async def host() -> None:
        functions = {"first": first, "second": lambda: None}
        Runtime(workflow, functions=functions, options=Options(trace=recorder)).run()

    asyncio.run(host())
    return trace_of(json.loads(json.dumps(recorder.as_data())))


def test_host_loop_that_stood_still_comes_first_with_how_long() -> None:
    found = traced_under_a_loop()

    (host, *others), count = waits_of(found, 10)

    assert re.fullmatch(
        r"The event loop of MainThread \(\S+EventLoop\) stood still for [\d.]+ ms: Runtime\.run\(\)",
        host.text,
    )
    assert host.is_host_loop
    assert count == 1 + len(others)
    assert host.end - host.start >= 50_000
    told = "\n".join(other.text for other in others)
    assert re.search(r"^Step second waited [\d.]+ ms for MainThread, busy with step first$", told, re.M)


def test_host_loop_that_went_on_is_said_to_have_stood_still_until_then() -> None:
    call = span(kind="call", name="Runtime.run", end=90_000, host_loop="uvloop.Loop", turned=20_000)

    (wait,), count = waits_of(trace(call), 10)

    assert (wait.start, wait.end, count) == (0, 20_000, 1)
    assert wait.text == (
        "The event loop of MainThread (uvloop.Loop) stood still for 20 ms: Runtime.run();"
        " then it went on, while the call lasted 90 ms"
    )


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [(0, "0 µs"), (999, "999 µs"), (1_500, "1.5 ms"), (2_000_000, "2 s"), (125_000_000, "2 min 5 s")],
)
def test_durations_are_written_for_people(microseconds: float, text: str) -> None:
    assert duration(microseconds) == text


def test_lanes_are_caller_then_loop_then_worker() -> None:
    recorder = Recorder()
    outer(recorder).run()

    lanes = lanes_of(trace_of(recorder.as_data()))

    assert [lane.role for lane in lanes] == ["caller", "loop", "worker"]


def test_no_span_covers_another_and_each_is_below_what_is_around_it() -> None:
    recorder = Recorder()
    outer(recorder).run()
    found = trace_of(recorder.as_data())

    for lane in lanes_of(found):
        inside = [found.spans[number] for number in lane.places]
        for one in inside:
            for other in inside:
                if one.number < other.number and lane.places[one.number] == lane.places[other.number]:
                    assert one.end <= other.start or other.end <= one.start
            if one.parent in lane.places:
                assert lane.places[one.number] > lane.places[one.parent]


def test_nothing_of_a_trace_is_taken_for_markup_or_script() -> None:
    one = span(name=HOSTILE, error_type=HOSTILE, error=HOSTILE, state="failed", function=HOSTILE, run=HOSTILE)
    page = page_of(trace(span(kind="run", name=HOSTILE), one, threads=(HOSTILE,)))

    assert page.count("<script") == page.count("</script>") == 2
    assert "<img" not in page
    assert "<!--" not in page
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert data is not None
    assert json.loads(data[1])["spans"][1]["name"] == HOSTILE


def test_page_asks_nobody_for_anything() -> None:
    page = page_of(traced_under_a_loop())

    assert "default-src &#x27;none&#x27;" in page
    assert re.findall(r"(?:src|href)=", page) == []
    assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)", page) == []


@pytest.mark.parametrize(
    ("data", "says"),
    [
        pytest.param([], "this is not a trace", id="array"),
        pytest.param({"format": "other"}, "this is not a trace", id="another_format"),
        pytest.param({"version": 2}, "of version 2, and this release reads 1", id="newer"),
        pytest.param({"threads": [1]}, "'threads' must be an array of texts", id="threads"),
        pytest.param({"spans": {}}, "'spans' must be an array", id="spans"),
        pytest.param({"spans": [1]}, r"spans\[0\] must be an object", id="no_object"),
        pytest.param({"spans": [span(name=1)]}, r"spans\[0\]: 'name' must be a text", id="name"),
        pytest.param({"spans": [span(error=[])]}, r"spans\[0\]: 'error' must be a text", id="error"),
        pytest.param({"spans": [span(kind="x")]}, "is none that there is", id="kind"),
        pytest.param({"spans": [span(thread=1)]}, "'thread' must be the number of a thread", id="no_thread"),
        pytest.param({"spans": [span(thread=True)]}, "'thread' must be the number", id="boolean"),
        pytest.param({"spans": [span(parent=0)]}, "a span before it", id="own_parent"),
        pytest.param({"spans": [span(start="0")]}, "must be microseconds", id="text_for_a_time"),
        pytest.param({"spans": [span(end=1e300)]}, "must be microseconds", id="end_of_days"),
    ],
)
def test_what_is_no_trace_is_refused_with_its_place(data: object, says: str) -> None:
    usual = {"format": "agent-runtime trace", "version": 1, "spans": [], "threads": ["t"]}

    with pytest.raises(TraceError, match=says):
        trace_of({**usual, **data} if isinstance(data, dict) else data)


def test_command_writes_the_page_beside_the_trace_and_prints_the_longest_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    call = span(kind="call", name="run\x1b[31m", host_loop="Loop")
    text = json.dumps({"format": "agent-runtime trace", "version": 1, "spans": [call], "threads": ["Main"]})
    (tmp_path / "out.json").write_text(text, encoding="utf-8")

    code = main(["trace", "out.json"])

    said = capsys.readouterr()
    assert code == 0
    assert said.out == "The event loop of Main (Loop) stood still for 5 ms: run\\x1b[31m()\n"
    assert said.err == "wrote out.html\n"
    assert (tmp_path / "out.html").read_text(encoding="utf-8").startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("{", "out.json:1:2: this is not JSON", id="cut_off"),
        pytest.param("{}", "out.json: this is not a trace", id="other_json"),
        pytest.param("[" * 100_000, "out.json: this is not JSON", id="deep"),
        pytest.param("9" * 5_000, "out.json: this is not JSON", id="long_number"),
    ],
)
def test_command_says_what_is_wrong_with_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out.json").write_text(text, encoding="utf-8")

    assert main(["trace", "out.json"]) == 2
    assert says in capsys.readouterr().err


def test_page_tells_what_a_question_used_as_far_as_that_is_numbers() -> None:
    deep = json.loads("[" * 300 + "]" * 300)
    used = {"input_tokens": 7, "cost": 0.5, "note": "free", "deep": deep, "cached": True}

    page = page_of(trace(span(kind="model", usage=used), span(kind="model", usage={"note": "free"})))

    told = re.findall(r'"usage":"([^"]*)"', page)
    assert told == ["input tokens 7, cost 0.5"]


def test_page_of_very_many_spans_lists_the_longest_waits_and_counts_the_others() -> None:
    """Neither rows nor waits are looked for in all that came before: that would take minutes here."""
    spans = [span(kind="run", name="many", end=1e8)]
    for number in range(4_000):
        start = number * 10
        spans.append(span(name=f"s{number}", start=start, end=start + 9, parent=0))
        errand = span(
            kind="errand", name="f", thread=1, start=start + 2, end=start + 8, parent=len(spans) - 1
        )
        spans.append({**errand, "sent": 0})
    found = trace(*spans, threads=("loop", "caller"))

    waits, count = waits_of(found, 100)

    assert (len(waits), count) == (100, 3_900)
    assert waits[0].text == "Step s3999 waited 40 ms for caller, busy with step s3799 and 199 more"
    assert '"more_waits":3800' in page_of(found)
