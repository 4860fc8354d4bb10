"""The timeline of a trace in a real browser: what it shows, by mouse and by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agent_runtime.tracing.page import page_of
from tests.page.axe import assert_no_violations, opened_for_axe
from tests.page.conftest import opened
from tests.unit.tracing.test_timelines import HOSTILE, span, trace

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="session")
def timeline_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    spans = [
        span(kind="call", name="Runtime.run", end=90_000, host_loop="asyncio.Loop"),
        span(kind="run", name="demo", thread=1, start=100, end=89_000, parent=0),
        span(name="first", thread=1, start=200, end=40_000, parent=1),
        span(name="second", thread=1, start=300, end=80_000, parent=1, after=["first"],
             warnings=["answer_rejected", HOSTILE, 7]),
        span(kind="errand", name="f", start=400, end=39_000, parent=2, sent=250, received=39_500),
        span(kind="errand", name="g", start=39_100, end=79_000, parent=3, sent=350, received=79_500),
        span(name=HOSTILE, thread=1, start=80_000, end=88_000, parent=1, state="failed", error_type="E",
             error=HOSTILE),
        span(kind="model", name="small", thread=1, start=1_000, end=20_000, parent=3, model="small",
             client="C", finish_reason="tool_calls", usage={"input_tokens": 7, HOSTILE: HOSTILE}),
        span(kind="tool", name="crm.find", thread=1, start=21_000, end=39_050, parent=3, call_id=HOSTILE),
    ]  # fmt: skip
    file = tmp_path_factory.mktemp("timeline") / "page.html"
    file.write_text(page_of(trace(*spans, threads=("MainThread", HOSTILE))), encoding="utf-8")
    return file


@pytest.fixture
def timeline(browser: Browser, timeline_file: Path, troubles: list[str]) -> Iterator[Page]:
    yield from opened(browser, timeline_file.as_uri(), troubles)


def chosen(page: Page) -> str:
    return page.locator("#panel-name").inner_text()


def test_lanes_have_the_bars_of_their_threads(timeline: Page) -> None:
    assert timeline.locator(".lane h3").all_inner_texts() == [
        "MainThread caller thread",
        f"{HOSTILE} loop thread",
    ]
    assert timeline.locator(".lane").first.locator(".span").all_inner_texts() == [
        "Runtime.run",
        "first · f",
        "second · g",
    ]


def test_loop_that_stood_still_is_said_and_hatched(timeline: Page) -> None:
    assert timeline.locator("#waits li").first.inner_text() == (
        "The event loop of MainThread (asyncio.Loop) stood still for 90 ms: Runtime.run()"
    )
    assert timeline.locator(".span.still").count() == 1


def test_step_that_waited_for_a_thread_shows_it_on_its_own_bar(timeline: Page) -> None:
    (pause,) = timeline.locator(".pause").all()
    bar = timeline.locator(".span.step", has_text="second")

    strip, around = pause.bounding_box(), bar.bounding_box()
    assert strip is not None
    assert around is not None
    assert around["y"] <= strip["y"] <= around["y"] + around["height"]
    assert "waited 38.8 ms" in timeline.locator("#waits").inner_text()


def test_all_of_it_is_in_sight_at_first(timeline: Page) -> None:
    assert timeline.evaluate("document.getElementById('scroll').scrollWidth") <= timeline.evaluate(
        "document.getElementById('scroll').clientWidth"
    )


def test_click_tells_all_about_a_span_and_draws_what_it_came_after(timeline: Page) -> None:
    timeline.locator(".span.step", has_text="second").click()

    text = timeline.locator("#details").inner_text()
    assert chosen(timeline) == "step second"
    assert "came after\nfirst" in text
    assert "inside\nrun demo" in text
    assert f"warnings\nanswer_rejected, {HOSTILE}" in text
    assert timeline.locator("#links path").count() == 2


def test_keys_go_from_span_to_span_and_zoom(timeline: Page) -> None:
    timeline.locator(".span.run").focus()
    timeline.keyboard.press("ArrowRight")
    assert chosen(timeline) == "call Runtime.run"  # where the keyboard begins
    timeline.keyboard.press("ArrowDown")
    timeline.keyboard.press("ArrowRight")
    second = chosen(timeline)
    timeline.keyboard.press("p")
    around = chosen(timeline)
    width = timeline.evaluate("document.getElementById('canvas').clientWidth")
    timeline.keyboard.press("+")
    wider = timeline.evaluate("document.getElementById('canvas').clientWidth")
    timeline.keyboard.press("w")
    wait = chosen(timeline)
    timeline.keyboard.press("Escape")

    assert second == "errand g"
    assert around == "step second"
    assert wider > 1.5 * width
    assert wait == "call Runtime.run"
    assert chosen(timeline) == "Nothing is chosen"


def test_chosen_bar_keeps_the_focus(timeline: Page) -> None:
    timeline.locator(".span.run").click()
    timeline.keyboard.press("+")

    assert timeline.evaluate("document.activeElement.dataset.number") == "1"
    assert timeline.locator(".span[tabindex='0']").count() == 1


def test_hostile_names_and_errors_are_only_shown(timeline: Page) -> None:
    timeline.locator(".span.failed").click()

    assert HOSTILE in chosen(timeline)
    assert f"E: {HOSTILE}" in timeline.locator("#details").inner_text()
    assert timeline.locator("img").count() == 0


def test_trace_of_nothing_is_a_page_all_the_same(
    browser: Browser, tmp_path: Path, troubles: list[str]
) -> None:
    file = tmp_path / "page.html"
    file.write_text(page_of(trace()), encoding="utf-8")

    for page in opened(browser, file.as_uri(), troubles):
        page.locator("#scroll").focus()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("+")
        assert chosen(page) == "Nothing is chosen"


def test_table_has_every_span(timeline: Page) -> None:
    timeline.locator("summary").click()

    assert timeline.locator("#rows tr").count() == 9


def test_question_and_tool_stand_below_their_step_and_say_what_they_know(timeline: Page) -> None:
    step = timeline.locator(".span.step", has_text="second").bounding_box()
    places = {}
    for kind in ("model", "tool"):
        bar = timeline.locator(f".span.{kind}")
        places[kind] = bar.bounding_box()
        bar.click()
        assert chosen(timeline).startswith(kind)
        assert "inside\nstep second" in timeline.locator("#details").inner_text()

    assert f"id of the call\n{HOSTILE}" in timeline.locator("#details").inner_text()
    timeline.locator(".span.model").click()
    told = timeline.locator("#details").inner_text()
    for line in ("asks\nsmall, by C", "answer ended by\ntool_calls", "used\ninput tokens 7"):
        assert line in told
    assert step is not None
    for place in places.values():
        assert place is not None
        assert place["y"] >= step["y"] + step["height"]


def test_calls_of_models_and_tools_are_counted(timeline: Page) -> None:
    assert timeline.locator("#about").inner_text().endswith("2 errands, 1 model call, 1 tool call")


def test_legend_names_the_kinds_that_there_are(timeline: Page) -> None:
    legend = timeline.locator(".legend").inner_text()

    assert "a question to a language model" in legend
    assert "! with warnings" in legend
    assert "attempt" not in legend


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_a_timeline(browser: Browser, timeline_file: Path, scheme: str) -> None:
    with opened_for_axe(browser, timeline_file, scheme) as page:
        page.locator("summary").click()
        page.locator(".span.step").first.click()

        assert_no_violations(page)
