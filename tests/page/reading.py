"""How the tests find their way on the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

__all__ = ("in_focus", "place", "title")


def place(page: Page, context: str, probe: str) -> Locator:
    """Return a place of the first grid."""
    return page.locator("section").first.locator(f'[aria-label^="{context}, {probe}:"]')


def in_focus(page: Page) -> str:
    """Return the name of the place that has the focus."""
    return str(
        page.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.id")
    )


def title(page: Page) -> str:
    return page.locator("#panel-title").inner_text()
