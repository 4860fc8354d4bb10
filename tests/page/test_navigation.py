"""Finding one's way on the page: keys, search, filters, and addresses that lead to cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.page.conftest import HANGS
from tests.page.reading import in_focus, place, title

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page


def test_arrows_move_from_place_to_place_and_into_the_next_grid(page: Page) -> None:
    page.keyboard.press("Tab")
    place(page, "jupyter_cell", "returns_type").focus()

    seen = []
    for key in ("ArrowRight", "ArrowDown", "End", "Control+End", "ArrowDown", "Control+Home", "ArrowUp"):
        page.keyboard.press(key)
        seen.append(in_focus(page).partition(":")[0])

    assert seen == [
        "jupyter_cell, returns_value",
        "plain_script, returns_value",
        "plain_script, forks",
        "uvloop_run, forks",
        "jupyter_cell, forks",
        "jupyter_cell, returns_type",
        "uvloop_run, returns_type",
    ]


def test_exactly_one_place_is_a_tab_stop(page: Page) -> None:
    place(page, "plain_script", "leaks").focus()
    page.keyboard.press("ArrowDown")

    assert page.locator('td[tabindex="0"]').count() == 1
    assert page.locator('td[tabindex="0"]').get_attribute("aria-label") == in_focus(page)


def test_focus_is_visible_and_lights_row_and_column(page: Page) -> None:
    place(page, "plain_script", "cancels").focus()
    page.keyboard.press("ArrowRight")

    style = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")

    assert style == "solid"
    assert page.locator("th.lit").all_inner_texts() == ["S7", "plain_script"]
    assert page.locator("#readout").inner_text() == "plain_script · S7 leaks: it works · 2 pass"


def test_enter_opens_a_cell_and_escape_leads_back_to_it(page: Page) -> None:
    place(page, "signal_handler", "cancels").focus()
    page.keyboard.press("Enter")
    opened_with = (title(page), in_focus(page))
    page.keyboard.press("Escape")

    assert opened_with == ("cancels", "panel")
    assert page.locator("#panel").is_hidden()
    assert in_focus(page).startswith("signal_handler, cancels:")


def test_open_panel_follows_the_arrows(page: Page) -> None:
    place(page, "plain_script", "cancels").click()
    page.keyboard.press("ArrowRight")

    assert title(page) == "leaks"
    assert in_focus(page).startswith("plain_script, leaks:")


def test_n_and_p_go_round_the_unexpected_cells(page: Page) -> None:
    place(page, "jupyter_cell", "returns_type").focus()

    seen = []
    for key in "nnnnnnp":
        page.keyboard.press(key)
        seen.append(in_focus(page).partition(":")[0])

    assert seen == [
        "jupyter_cell, leaks",
        "plain_script, cancels",
        "plain_script, forks",
        "signal_handler, cancels",
        "uvloop_run, forks",
        "jupyter_cell, leaks",
        "uvloop_run, forks",
    ]


def test_slash_searches_names_and_details_and_escape_clears(page: Page) -> None:
    place(page, "jupyter_cell", "leaks").focus()
    page.keyboard.press("/")
    page.keyboard.type("signal 11 SCRIPT")
    found = page.locator("#shown").inner_text()
    rows = page.get_by_role("rowheader").all_inner_texts()
    page.keyboard.press("Escape")

    assert (found, rows) == ("1 of 60 cells", ["plain_script"])
    assert page.locator("#shown").inner_text() == "60 cells"


def test_search_that_finds_nothing_says_so(page: Page) -> None:
    page.locator("#search").fill("nothing is called that")

    assert page.locator("#shown").inner_text() == "0 of 60 cells"
    assert page.locator("section:visible").count() == 0
    assert "No cell is like that." in page.evaluate(
        "getComputedStyle(document.querySelector('main'), '::after').content"
    )
    page.keyboard.press("n")
    page.get_by_role("button", name="Show all").click()
    assert page.locator("#shown").inner_text() == "60 cells"


@pytest.mark.parametrize(
    ("press", "shown"),
    [
        pytest.param("hang 1", "1 of 60 cells", id="outcome"),
        pytest.param("noticed 20", "20 of 60 cells", id="controls"),
        pytest.param("unexpected only 5", "5 of 60 cells", id="unexpected"),
    ],
)
def test_buttons_filter(page: Page, press: str, shown: str) -> None:
    button = page.locator("#filters").get_by_role("button", name=press, exact=True)
    button.click()

    assert button.get_attribute("aria-pressed") == "true"
    assert page.locator("#shown").inner_text() == shown


@pytest.mark.parametrize(
    ("choice", "value", "shown"),
    [
        pytest.param("Target", "agent_runtime", "40 of 60 cells", id="target"),
        pytest.param("Promise", "S1", "24 of 60 cells", id="promise"),
        pytest.param("Context", "uvloop_run", "15 of 60 cells", id="context"),
        pytest.param("Entry point", "executor_run", "20 of 60 cells", id="entry_point"),
    ],
)
def test_choices_filter(page: Page, choice: str, value: str, shown: str) -> None:
    page.get_by_label(choice, exact=True).select_option(value)

    assert page.locator("#shown").inner_text() == shown


def test_link_to_a_cell_that_the_filter_hides_shows_it_all_the_same(page: Page) -> None:
    page.locator("#search").fill("plain_script")
    page.evaluate("cell => (location.hash = cell)", HANGS.id)
    page.locator("#panel-title").wait_for()

    assert title(page) == "cancels"
    assert page.locator("#shown").inner_text() == "60 cells"


def test_address_of_an_open_cell_leads_to_it(browser: Browser, page: Page, file: Path) -> None:
    place(page, "signal_handler", "cancels").click()
    address = page.url

    assert address == f"{file.as_uri()}#{HANGS.id}"
    again = browser.new_page()
    again.goto(address)
    assert title(again) == "cancels"
    assert in_focus(again).startswith("signal_handler, cancels:")
    again.close()


@pytest.mark.parametrize("fragment", ["no/such/cell/here", "%E0%A4%A", "__proto__", ""])
def test_address_of_no_cell_opens_none(page: Page, fragment: str) -> None:
    page.evaluate("fragment => (location.hash = fragment)", fragment)

    assert page.locator("#panel").is_hidden()
