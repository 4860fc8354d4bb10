"""The lock: no cell of the gate comes or goes, or turns into a skip, without a line that says so."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from matrix.__main__ import main
from matrix.lock import LockError, lock_objections, lock_of, lock_text
from matrix.model import Cell
from matrix.patterns import covers, patterns_of
from matrix.registry import Registry

if TYPE_CHECKING:
    from pathlib import Path

    from tests.helpers.registries import Toy

NEEDS_A_LOOP = "skip_when=lambda facts: 'needs a loop' if facts.running_loop is None else None"


@pytest.fixture
def locked(toy: Toy) -> Toy:
    """A registry of two contexts and two probes, with its lock."""
    toy.context("alpha").context("beta").probe("first").probe("second")
    assert main(["lock", "--write", "--registry", str(toy.root)]) == 0
    return toy


def objections(toy: Toy) -> list[str]:
    return [f"{one.line}: {one.fault.value}: {one.text}" for one in lock_objections(Registry(toy.root))]


def test_lock_that_was_just_written_meets_no_objection(locked: Toy) -> None:
    assert objections(locked) == []
    assert lock_of(locked.registry()).read_text(encoding="utf-8").splitlines()[2:] == [
        "agent_runtime/{toy}/alpha/first",
        "agent_runtime/{toy}/beta/first",
        "agent_runtime/{toy}/alpha/second",
        "agent_runtime/{toy}/beta/second",
        "control/{toy}/alpha/first",
        "control/{toy}/beta/first",
        "control/{toy}/alpha/second",
        "control/{toy}/beta/second",
    ]


def test_probe_that_is_gone_is_named_with_the_line_of_its_first_cell(locked: Toy) -> None:
    (locked.root / "probes" / "second.py").unlink()

    assert objections(locked) == [
        "5: vanished: gone: agent_runtime/*/*/second (2 cells)",
        "9: vanished: gone: control/*/*/second (2 cells)",
    ]


def test_cell_that_turns_into_a_skip_has_vanished_too(locked: Toy) -> None:
    locked.probe("second", more=NEEDS_A_LOOP)

    found = objections(locked)

    assert len(found) == 2
    assert all("vanished: skipped now, and no skip in the lock" in one for one in found)


def test_skip_of_the_lock_that_runs_now_is_named(toy: Toy) -> None:
    toy.context().probe(more=NEEDS_A_LOOP)
    main(["lock", "--write", "--registry", str(toy.root)])
    toy.probe()

    assert [one.partition(": ")[2] for one in objections(toy)] == [
        "unlocked: runs now, and a skip in the lock: agent_runtime/toy/script/works",
        "unlocked: runs now, and a skip in the lock: control/toy/script/works",
    ]


def test_skips_of_another_system_are_not_compared(toy: Toy) -> None:
    toy.context().probe(more=NEEDS_A_LOOP)
    text = lock_text(toy.registry()).replace(f"on {sys.platform}.", "on plan9.").replace("  skip", "")
    lock_of(toy.registry()).write_text(text, encoding="utf-8")

    assert objections(toy) == []


def test_lock_is_the_same_for_every_version_of_python(toy: Toy) -> None:
    toy.context(more="min_python=(9, 1)").probe()
    later = lock_text(toy.registry())
    toy.context(more="min_python=(3, 11)")

    assert lock_text(toy.registry()) == later


def test_new_context_is_red_until_it_is_locked(
    locked: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    locked.context("gamma")
    run = ["run", "--registry", str(locked.root), "--results", str(tmp_path / "results")]

    assert main(run) == 1
    shown = capsys.readouterr().out
    assert "cells.lock:5: unlocked: not in the lock: agent_runtime/*/gamma/* (2 cells)" in shown
    assert "accept it with: python -m matrix lock --write" in shown
    assert "2 to correct" in shown
    assert main(["lock", "--write", "--registry", str(locked.root)]) == 0
    assert main(run) == 0


def test_part_of_the_gate_runs_while_the_lock_is_out_of_date(locked: Toy, tmp_path: Path) -> None:
    locked.context("gamma")
    where = ["--registry", str(locked.root), "--results", str(tmp_path / "results")]

    assert main(["run", "--context", "gamma", *where]) == 0


def test_check_compares_and_says_what_to_write(locked: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    check = ["lock", "--check", "--registry", str(locked.root)]

    assert main(check) == 0
    locked.probe("third")
    assert main(check) == 1
    assert "not in the lock: agent_runtime/*/*/third (2 cells)" in capsys.readouterr().err


def test_lock_that_two_branches_have_changed_is_refused_with_its_line(
    locked: Toy, capsys: pytest.CaptureFixture[str]
) -> None:
    path = lock_of(locked.registry())
    path.write_text("<<<<<<< ours\n" + path.read_text(encoding="utf-8"), encoding="utf-8")

    with pytest.raises(LockError, match=r"cells\.lock:1: '<<<<<<< ours' is no line of a lock; write it anew"):
        lock_objections(locked.registry())
    assert main(["lock", "--check", "--registry", str(locked.root)]) == 3
    assert "cells.lock:1" in capsys.readouterr().err


def test_lock_that_is_missing_has_none_of_the_cells(locked: Toy, tmp_path: Path) -> None:
    found = lock_objections(locked.registry(), tmp_path / "cells.lock")

    assert [(one.fault.value, one.text) for one in found] == [
        ("unlocked", "not in the lock: agent_runtime/*/*/* (4 cells)"),
        ("unlocked", "not in the lock: control/*/*/* (4 cells)"),
    ]


def cells(*contexts: str, probe: str = "p", entry_points: str = "ab") -> list[Cell]:
    return [Cell("t", entry_point, context, probe) for context in contexts for entry_point in entry_points]


@pytest.mark.parametrize(
    ("wanted", "others", "patterns"),
    [
        pytest.param(cells("x", "y"), [], ["t/*/*/p"], id="everything"),
        pytest.param(cells("x"), cells("y"), ["t/*/x/p"], id="one_context"),
        pytest.param(
            cells("x", "y", entry_points="a"),
            cells("x", "y", entry_points="b"),
            ["t/a/*/p"],
            id="one_entry_point",
        ),
        pytest.param(cells("x", entry_points="a"), [], ["t/a/x/p"], id="one_cell_gets_no_star"),
        pytest.param(
            [*cells("x"), *cells("y", entry_points="a")],
            cells("y", entry_points="b"),
            ["t/*/x/p", "t/a/y/p"],
            id="a_context_and_a_cell",
        ),
        pytest.param([*cells("x"), *cells("x", probe="q")], [], ["t/*/*/p", "t/*/*/q"], id="never_any_probe"),
    ],
)
def test_patterns_say_cells_in_few_words_and_no_other(
    wanted: list[Cell], others: list[Cell], patterns: list[str]
) -> None:
    found = patterns_of(wanted, others=others)

    assert list(found) == patterns
    assert all(any(covers(pattern, cell) for pattern in found) for cell in wanted)
    assert not any(covers(pattern, cell) for pattern in found for cell in others)
