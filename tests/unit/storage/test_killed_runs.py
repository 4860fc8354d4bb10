"""A run that is killed with SIGKILL, at whatever moment, is resumed, and does no finished step again.

Each moment is tried in a process of its own: before and after each write to the storage, and inside each
step. What "finished" means is what the storage has promised: its ``save`` had returned.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.helpers.dying import Death, deaths_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="os.fork() and SIGKILL are POSIX's")


def of_each(deaths: list[Death], least: int) -> list[Death]:
    """Return them, if there are as many moments as there must be."""
    assert len(deaths) >= least, [death.moments for death in deaths]
    return deaths


def test_a_killed_run_comes_to_the_same_and_does_no_finished_step_again(tmp_path: Path) -> None:
    deaths = of_each(deaths_of("plain", tmp_path), 16)

    assert [death.came_to for death in deaths] == [{"c": 4, "d": 3}] * len(deaths)
    assert {death.moments: death.done_twice for death in deaths if death.done_twice} == {}


def test_steps_inside_steps_that_have_finished_are_not_done_again_either(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    is_long = request.config.getoption("--long")
    expected = {
        "skipped": None,
        "block": {"x": 2, "y": 3},
        "each": [11, 21],
        "again": 2,
        "saved": 8,
        "given_up": None,
        "sub": {"z": 2},
    }

    deaths = of_each(deaths_of("nested", tmp_path, every=1 if is_long else 2), 26)

    assert [death.came_to for death in deaths] == [expected] * len(deaths)
    assert {death.moments: death.done_twice for death in deaths if death.done_twice} == {}


def test_a_run_killed_while_it_is_undone_is_undone_to_the_end_and_nothing_else(tmp_path: Path) -> None:
    deaths = of_each(deaths_of("undone", tmp_path), 16)

    for death in deaths:
        undone = [line for line in death.book if line in ("end a:compensate", "end block.b:compensate")]
        assert "ValueError: c" in str(death.came_to) or death.came_to == "c", death
        assert list(dict.fromkeys(undone)) == ["end block.b:compensate", "end a:compensate"], death
        assert death.done_twice == []
        assert death.book.index("undoing ") > max(
            number
            for number, line in enumerate(death.book)
            if line in ("begin a", "begin block.b", "begin c")
        ), death


def test_a_killed_run_goes_on_with_its_conversation_as_it_was(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    is_long = request.config.getoption("--long")
    heard = [
        "system: The conversation so far: yes, 2",
        "user: is it 20?",
        "assistant: yes, 5",
        "user: bye",
    ]

    deaths = of_each(deaths_of("talking", tmp_path, every=1 if is_long else 3), 8)

    assert [death.came_to for death in deaths] == [{"heard": heard, "hello": ["user: hello 1"]}] * len(deaths)
    assert {death.moments: death.done_twice for death in deaths if death.done_twice} == {}


@pytest.mark.parametrize("workflow", ["plain", "undone"])
def test_a_resumed_run_that_is_killed_as_well_comes_to_the_same(
    tmp_path: Path, request: pytest.FixtureRequest, workflow: str
) -> None:
    is_long = request.config.getoption("--long")

    deaths = of_each(deaths_of(workflow, tmp_path, every=1 if is_long else 13, second=True), 10)

    assert {death.moments: death.done_twice for death in deaths if death.done_twice} == {}
    outcomes = {str(death.came_to) for death in deaths}
    assert all(("ValueError: c" in each or each == "c") or workflow == "plain" for each in outcomes), outcomes
    assert len(outcomes) == 1 or workflow == "undone"
