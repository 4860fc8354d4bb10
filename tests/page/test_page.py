"""The page in a real browser: what it shows, on screen and on paper, and what it never does."""

from __future__ import annotations

import itertools
import re
import socket
from typing import TYPE_CHECKING

import pytest

from matrix.__main__ import main
from matrix.model import Cell
from tests.helpers.runs import usual_record
from tests.page.conftest import GONE, HANGS, HOSTILE, LEAKS, NEW, opened
from tests.page.reading import in_focus, place

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page


def test_head_says_what_the_run_came_to(page: Page) -> None:
    assert page.title() == "matrix: 5 unexpected"
    assert page.locator("#meaning").inner_text() == "5 unexpected"
    assert page.locator("#about").inner_text() == "60 cells, 2 s · CPython 3.11.7 on Linux"


def test_each_target_has_a_grid_with_the_controls_last(page: Page) -> None:
    assert page.locator("section h2").all_inner_texts() == ["agent_runtime", "control"]
    assert page.locator(".counts").all_inner_texts() == [
        "1 error, 1 crash, 1 hang, 1 fail, 1 refused, 34 pass, 1 skip, 5 unexpected",
        "20 noticed",
    ]


def test_grid_has_contexts_down_and_probes_across_by_promise(page: Page) -> None:
    grid = page.get_by_role("grid").first

    assert grid.get_by_role("rowheader").all_inner_texts() == [
        "jupyter_cell",
        "plain_script",
        "signal_handler",
        "uvloop_run",
    ]
    assert [name.get_attribute("aria-label") for name in grid.get_by_role("columnheader").all()[1:]] == [
        "S1a returns_type",
        "S1b returns_value",
        "S6 cancels",
        "S7 leaks",
        "S13 forks",
    ]


def test_place_shows_the_worst_of_its_entry_points_and_says_both(page: Page) -> None:
    found = place(page, "signal_handler", "cancels")

    assert found.get_attribute("aria-label") == "signal_handler, cancels: 1 hang, 1 pass, 1 unexpected"
    assert found.locator("use").get_attribute("href") == "#sign-hang"
    assert {"unexpected", "mixed"} <= set((found.get_attribute("class") or "").split())


def test_every_outcome_has_a_sign_of_its_own(page: Page) -> None:
    page.keyboard.press("?")
    words = page.locator("#signs dt").all_inner_texts()
    drawn = page.evaluate("[...document.querySelectorAll('symbol')].map(one => one.innerHTML)")

    assert set(words) == {"pass", "fail", "hang", "crash", "refused", "skip", "error", "noticed"}
    assert len(set(drawn)) == len(drawn) == len(words)


def test_panel_has_all_that_the_record_says(page: Page) -> None:
    place(page, "signal_handler", "cancels").click()
    panel = page.locator("#panel")
    text = panel.inner_text()

    assert panel.locator(".tabs button").all_inner_texts() == ["executor_run()", "run_workflow()"]
    assert panel.locator(".badge").all_inner_texts() == ["hang", "regression"]
    assert "Claim: it works" in text
    assert "hang in call: 15 s passed" in text
    assert 'File "bridge.py", line 7 in wait' in text
    assert f"python -m matrix run --cell {HANGS.id}" in text
    assert panel.locator("summary").all_inner_texts() == ["S6 Ctrl-C", "Stacks", "Environment", "Versions"]
    panel.get_by_text("S6 Ctrl-C").click()
    assert "one press cancels the work" in panel.inner_text()
    panel.get_by_text("Versions").click()
    assert "0.25.0" in panel.inner_text()


def test_tabs_of_the_panel_lead_to_the_other_entry_point(page: Page) -> None:
    place(page, "signal_handler", "cancels").click()
    page.get_by_role("button", name="run_workflow()").click()

    assert page.locator("#panel .badge").first.inner_text() == "pass"
    assert "{'greeting': 'hello'}" in page.locator("#panel").inner_text()


def test_command_can_be_copied(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    place(page, "signal_handler", "cancels").click()
    page.get_by_role("button", name="Copy the command").click()
    page.get_by_text("Copied").wait_for()

    assert page.evaluate("navigator.clipboard.readText()") == f"python -m matrix run --cell {HANGS.id}"


def test_what_a_record_says_is_shown_and_never_run(page: Page) -> None:
    place(page, "jupyter_cell", "leaks").click()

    assert HOSTILE in page.locator("#panel .detail").inner_text()
    assert page.locator("#panel pre").first.inner_text() == HOSTILE
    assert page.evaluate("window.hostile") is None
    assert page.locator("#panel img, #panel script").count() == 0


def test_policy_of_the_page_forbids_what_a_hole_would_need(page: Page, troubles: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        stranger.setblocking(False)
        ran = page.evaluate(
            """async port => {
                const script = document.createElement("script");
                try { script.textContent = "window.hostile = 1"; } catch {}
                document.body.append(script);
                const image = new Image();
                const told = new Promise(done => (image.onerror = image.onload = event => done(event.type)));
                image.src = `http://127.0.0.1:${port}/x.png`;
                const fetched = await fetch(`http://127.0.0.1:${port}/`).then(() => "got", () => "refused");
                return [window.hostile ?? null, await told, fetched];
            }""",
            stranger.getsockname()[1],
        )

        assert ran == [None, "error", "refused"]
        with pytest.raises(BlockingIOError):
            stranger.accept()
    assert any("requires 'TrustedScript' assignment" in trouble for trouble in troubles)
    troubles.clear()


def test_file_names_no_other_file_and_no_address(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    found = re.findall(
        r"https?://[^\s\"'<]+|\bsrc=|@import|url\(", text.replace("\\u003c", "<").replace(HOSTILE, "")
    )

    assert set(found) <= {"http://www.w3.org/2000/svg", "src="}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_theme_follows_the_system_until_the_reader_chooses(page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    paper = "getComputedStyle(document.body).backgroundColor"
    colours = {"light": "rgb(255, 255, 255)", "dark": "rgb(22, 24, 27)"}
    button = page.locator("#theme")

    assert page.evaluate(paper) == colours[scheme]
    button.click()
    assert (button.inner_text(), page.evaluate(paper)) == ("Theme: Light", colours["light"])
    button.click()
    assert (button.inner_text(), page.evaluate(paper)) == ("Theme: Dark", colours["dark"])
    button.click()
    assert (button.inner_text(), page.evaluate(paper)) == ("Theme: Auto", colours[scheme])


def test_comparison_marks_what_differs(compared: Page) -> None:
    assert "against" in compared.locator("#about").inner_text()
    classes = {
        cell.id: place(compared, cell.context, cell.probe).get_attribute("class") or ""
        for cell in (HANGS, LEAKS, NEW, GONE)
    }

    assert "differs broke" in classes[HANGS.id]
    assert "differs" not in classes[LEAKS.id]
    assert "differs new" in classes[NEW.id]
    assert "differs gone" in classes[GONE.id]


def test_changed_only_leaves_the_cells_that_differ(compared: Page) -> None:
    compared.get_by_role("button", name=re.compile("changed only")).click()

    shown = compared.locator("td.cell").evaluate_all("all => all.map(one => one.getAttribute('aria-label'))")
    assert shown == [
        "jupyter_cell, returns_type: pass, new",
        "plain_script, returns_type: pass, gone",
        "plain_script, cancels: crash, unexpected, broke",
        "plain_script, forks: refused, unexpected, broke",
        "signal_handler, cancels: hang, unexpected, broke",
        "uvloop_run, returns_type: pass, fixed",
        "uvloop_run, leaks: skip, changed",
        "uvloop_run, forks: error, unexpected, broke",
    ]


def test_panel_of_a_changed_cell_says_what_it_was(compared: Page) -> None:
    place(compared, "uvloop_run", "returns_type").click()

    assert compared.locator(".was").inner_text().split() == [
        *("fixed", "before:", "fail"),
        *("a", "coroutine", "came", "back"),
    ]


def test_paper_has_all_grids_and_no_buttons(page: Page) -> None:
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print", color_scheme="dark")

    assert page.locator("table[role=grid]:visible").count() == 2
    assert page.locator("#filters").is_hidden()
    assert page.evaluate("getComputedStyle(document.querySelector('main')).overflow") == "visible"
    assert page.evaluate("getComputedStyle(document.querySelector('tbody th')).color") == "rgb(28, 31, 35)"
    assert len(page.pdf()) > 5_000


def test_page_of_many_cells_draws_only_the_grids_that_are_seen(
    browser: Browser, tmp_path: Path, troubles: list[str]
) -> None:
    cells = (
        Cell(f"peer_{peer}", "run_workflow", f"context_{context}", f"probe_{probe}")
        for peer, context, probe in itertools.product(range(5), range(100), range(40))
    )
    with (tmp_path / "matrix.ndjson").open("w", encoding="utf-8") as records:
        records.writelines(usual_record(cell).as_line(verdict="ok") for cell in cells)
    path = tmp_path / "page.html"
    assert main(["page", str(tmp_path), "--write", str(path)]) == 0

    for page in opened(browser, path.as_uri(), troubles):
        assert page.locator("#shown").inner_text() == "20000 cells"
        assert page.locator("#meaning").inner_text() == "incomplete"
        assert page.locator("section").count() == 5
        assert page.locator("table[role=grid]").count() == 1
        page.get_by_role("grid").locator("td.cell").first.focus()
        page.keyboard.press("Control+End")
        page.keyboard.press("ArrowDown")
        assert in_focus(page).startswith("context_0, probe_9:")
        assert page.locator("table[role=grid]").count() == 2
