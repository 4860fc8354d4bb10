"""One Chromium for all tests of the page, and the page of a run in which everything has happened."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from matrix.__main__ import main
from matrix.model import Cell, Outcome, Phase
from matrix.record import Record
from tests.helpers.chromium import NO_CHROMIUM, chromium, find_chromium
from tests.helpers.registries import Toy
from tests.helpers.runs import write_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

ENTRY_POINTS = ("executor_run", "run_workflow")
PROBES = {"S1": ("returns_value", "returns_type"), "S6": ("cancels",), "S7": ("leaks",), "S13": ("forks",)}
CONTEXTS = ("jupyter_cell", "plain_script", "signal_handler", "uvloop_run")
HOSTILE = (
    "</script><script>window.hostile = 1</script><img src=x onerror='window.hostile = 1'>"
    "<!-- {{script}} {{data}} \\u003c \u2028 ${window.hostile = 1}"
)


def cell(context: str, probe: str, entry_point: str = "run_workflow") -> Cell:
    """Return a cell of agent_runtime."""
    return Cell("agent_runtime", entry_point, context, probe)


LEAKS = cell("jupyter_cell", "leaks")
HANGS = cell("signal_handler", "cancels", "executor_run")
RECORDS = (
    Record(LEAKS, Outcome.FAIL, HOSTILE, traceback=HOSTILE, output=HOSTILE, observations={HOSTILE: HOSTILE}),
    Record(
        HANGS, Outcome.HANG, "15 s passed", Phase.CALL, stacks='Thread 1\n  File "bridge.py", line 7 in wait'
    ),
    Record(cell("plain_script", "cancels"), Outcome.CRASH, "killed by signal 11"),
    Record(cell("plain_script", "forks"), Outcome.REFUSED, "cannot be called here"),
    Record(cell("uvloop_run", "forks"), Outcome.ERROR, "the context is not what it says"),
    Record(cell("uvloop_run", "leaks"), Outcome.SKIP, "it means nothing here"),
)
EARLIER = (
    Record(LEAKS, Outcome.FAIL, HOSTILE),
    Record(HANGS, Outcome.PASS),
    Record(cell("uvloop_run", "returns_type"), Outcome.FAIL, "a coroutine came back"),
)
GONE, NEW = cell("plain_script", "returns_type"), cell("jupyter_cell", "returns_type")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A real browser; its absence is a named skip, and in CI a failure."""
    pytest.importorskip("playwright", reason="the page is tested by `nox -s page`, which brings playwright")
    path = find_chromium()
    if path is None and os.environ.get("CI"):
        pytest.fail(NO_CHROMIUM)
    if path is None:
        pytest.skip(NO_CHROMIUM)
    with chromium(path) as found:
        yield found


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """Two entry points, four contexts, five probes of four promises."""
    toy = Toy(tmp_path_factory.mktemp("registry"))
    text = (toy.root / "entry_points" / "toy.py").read_text(encoding="utf-8")
    for name in ENTRY_POINTS:
        toy.write("entry_points", name, text.replace('"toy"', f'"{name}"').replace("toy()", f"{name}()"))
    (toy.root / "entry_points" / "toy.py").unlink()
    for context in CONTEXTS:
        toy.context(context)
    for promise, names in PROBES.items():
        for name in names:
            toy.probe(name)
            path = toy.root / "probes" / f"{name}.py"
            path.write_text(path.read_text(encoding="utf-8").replace("'S1'", repr(promise)), encoding="utf-8")
    return toy


@pytest.fixture(scope="session")
def file(toy: Toy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page that a run writes by itself."""
    folder = tmp_path_factory.mktemp("results")
    write_run(folder, toy, RECORDS)
    return folder / "matrix.html"


@pytest.fixture(scope="session")
def comparison(toy: Toy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of that run against an earlier one."""
    folder = tmp_path_factory.mktemp("comparison")
    write_run(folder / "before", toy, EARLIER, without=[NEW.id])
    write_run(folder / "after", toy, RECORDS, without=[GONE.id])
    path = folder / "page.html"
    assert (
        main(["page", str(folder / "after"), "--against", str(folder / "before"), "--write", str(path)]) == 0
    )
    return path


@pytest.fixture
def troubles() -> list[str]:
    """What the browser complained of, or asked of anybody; a test fails when there is any."""
    return []


@pytest.fixture
def page(browser: Browser, file: Path, troubles: list[str]) -> Iterator[Page]:
    """The page, opened from disk."""
    yield from opened(browser, file.as_uri(), troubles)


@pytest.fixture
def compared(browser: Browser, comparison: Path, troubles: list[str]) -> Iterator[Page]:
    """The page of a comparison, opened from disk."""
    yield from opened(browser, comparison.as_uri(), troubles)


def opened(browser: Browser, url: str, troubles: list[str]) -> Iterator[Page]:
    """Open a page of its own; afterwards nothing may have been complained of."""
    page = browser.new_page(viewport={"width": 1280, "height": 800}, color_scheme="light")
    page.set_default_timeout(30_000)
    page.on("console", lambda message: troubles.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("dialog", lambda dialog: troubles.append(f"dialog: {dialog.message}"))
    page.on("request", lambda request: troubles.append(request.url) if request.url != url else None)
    page.goto(url)
    yield page
    page.close()
    assert troubles == []
