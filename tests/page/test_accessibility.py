"""The page for those who read it with other means: axe-core's rules, and contrasts of its colours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.page.axe import assert_no_violations, opened_for_axe

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

COLOURS = ("ink", "faint", "accent", "pass", "fail", "hang", "crash", "refused", "skip", "error", "noticed")
# Text in the page's own colours is at least this far from what is behind it: level AA of the guidelines.
ENOUGH = 4.5
CONTRASTS = """names => {
    const probe = document.body.appendChild(document.createElement("i"));
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const light = name => {
        probe.style.color = `var(--${name})`;
        canvas.fillStyle = getComputedStyle(probe).color;
        canvas.fillRect(0, 0, 1, 1);
        const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map(byte => {
            const part = byte / 255;
            return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const found = {};
    for (const name of names)
        for (const behind of ["paper", "raised", "lit"]) {
            const [dark, bright] = [light(name), light(behind)].sort((one, other) => one - other);
            found[`${name} on ${behind}`] = (bright + 0.05) / (dark + 0.05);
        }
    return found;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_colour_of_text_stands_out_from_what_is_behind_it(page: Page, scheme: str) -> None:
    page.evaluate("scheme => (document.documentElement.dataset.theme = scheme)", scheme)

    contrasts: dict[str, float] = page.evaluate(CONTRASTS, list(COLOURS))

    assert len(contrasts) == 3 * len(COLOURS)
    assert {pair: ratio for pair, ratio in contrasts.items() if ratio < ENOUGH} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("state", ["grid", "panel", "keys", "nothing"])
def test_axe_finds_nothing(browser: Browser, comparison: Path, state: str, scheme: str) -> None:
    with opened_for_axe(browser, comparison, scheme) as page:
        page.locator("td.unexpected").first.click()
        page.keyboard.press("Escape")
        if state == "panel":
            page.keyboard.press("Enter")
        elif state == "keys":
            page.keyboard.press("?")
        elif state == "nothing":
            page.locator("#search").fill("nothing is called that")

        assert_no_violations(page)
