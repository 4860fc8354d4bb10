"""Draws the pictures of the page in ``docs/images``: ``python -m tests.page.screenshots RESULTS``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from matrix.page import page_of
from matrix.recorded import read_run
from tests.helpers.chromium import NO_CHROMIUM, chromium, find_chromium

FOLDER = Path(__file__).parents[2] / "docs" / "images"
WIDTH, HEIGHT = 1280, 760


def main(results: Path) -> int:
    """Take the pictures of a run: the grids in a light room, an unexpected cell in a dark one."""
    path = find_chromium()
    if path is None:
        print(NO_CHROMIUM, file=sys.stderr)
        return 1
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, chromium(path) as browser:
        file = Path(folder) / "matrix.html"
        file.write_text(page_of(read_run(results)), encoding="utf-8")
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto(file.as_uri())
        page.screenshot(path=FOLDER / "page-light.png")
        page.emulate_media(color_scheme="dark")
        page.locator("td[role=gridcell]").first.focus()
        page.keyboard.press("n")
        page.keyboard.press("Enter")
        page.screenshot(path=FOLDER / "page-dark.png")
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("write: python -m tests.page.screenshots RESULTS")
    sys.exit(main(Path(sys.argv[1])))
