"""A headless Chromium as the tests of the page and its screenshots use it: the browser that is installed."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

__all__ = ("NO_CHROMIUM", "chromium", "find_chromium")

COMMANDS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Microsoft/Edge/Application/msedge.exe",
)
NO_CHROMIUM = "there is no Chromium here; install one, or name it: CHROMIUM=/path/to/it"
# No sandbox, because containers have none to give; nothing that would ask the network of its own accord.
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")


def find_chromium() -> str | None:
    """Return the path of a Chromium, or a browser built on it: what ``CHROMIUM`` names, or what is there."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named
    found = (shutil.which(command) for command in COMMANDS)
    return next(filter(None, found), None) or next((place for place in PLACES if Path(place).is_file()), None)


@contextlib.contextmanager
def chromium(path: str) -> Iterator[Browser]:
    """Run a browser without a window; it is ended with the block."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        browser.close()
