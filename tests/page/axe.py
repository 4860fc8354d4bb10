"""axe-core's rules for pages that everybody can read, applied to what a page shows."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

__all__ = ("assert_no_violations", "opened_for_axe")


@contextlib.contextmanager
def opened_for_axe(browser: Browser, file: Path, scheme: str) -> Iterator[Page]:
    """Open a file in the light or the dark scheme; axe may be put into it, whatever the page forbids."""
    context = browser.new_context(bypass_csp=True, color_scheme="dark" if scheme == "dark" else "light")
    with contextlib.closing(context):
        page = context.new_page()
        page.goto(file.as_uri())
        yield page


def assert_no_violations(page: Page) -> None:
    """Apply all rules to what the page shows now; the test is skipped by name without axe-core."""
    axe = pytest.importorskip("axe_playwright_python", reason="`nox -s page` brings axe-core")
    page.evaluate(Path(axe.__file__).with_name("axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")

    assert found["passes"]
    assert [
        (violation["id"], node["html"][:200], node["failureSummary"])
        for violation in found["violations"]
        for node in violation["nodes"]
    ] == []
