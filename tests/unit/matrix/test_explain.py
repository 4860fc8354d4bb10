"""``python -m matrix explain``: what it says of a cell, and what it answers to a name that means none."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from matrix.__main__ import main
from matrix.cells import Selection, SelectionError, all_cells
from matrix.expectations import Expectations
from matrix.explain.about import about_cell
from matrix.model import Cell, HangClass, Outcome, Phase
from matrix.one_cell import one_cell
from matrix.record import Record
from matrix.registry import Registry
from tests.helpers.runs import write_run

if TYPE_CHECKING:
    from tests.helpers.registries import Toy

ROOT = Path(__file__).parents[3]
WORKS = Cell("agent_runtime", "toy", "script", "works")


@pytest.fixture
def small(toy: Toy) -> Toy:
    """One context, two probes, and a control of one of them."""
    return toy.context().probe("works").probe("leaks").control("forgets")


def explained(toy: Toy, *arguments: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["explain", *arguments, "--registry", str(toy.root)]) == 0
    return capsys.readouterr().out


def test_cell_is_explained_by_all_that_makes_it(small: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    said = explained(small, WORKS.id, capsys=capsys)

    for part in (
        "entry_points/toy.py:7",
        "contexts/script.py:3",
        "running loop: none",
        "main thread: yes",
        "probes/works.py:3",
        "it works",
        "S1 Value",
        "docs/contract.md:",
        "must notice control:forgets: toy",
        "controls/forgets.py:4",
        "pass: no known failure speaks of it",
        f"python -m matrix run --cell {WORKS.id} --registry",
    ):
        assert part in said


def test_places_of_a_built_in_cell_are_relative_and_hold_what_they_name(
    capsys: pytest.CaptureFixture[str],
) -> None:
    cell = "control:deadline_leaves_work_running/run_workflow/plain_script/times_out"

    assert main(["explain", cell, "--json"]) == 0

    said = json.loads(capsys.readouterr().out)
    places = [said[part]["place"] for part in ("target", "entry_point", "context", "probe", "promise")]
    places += [control["place"] for control in said["controls"]]
    beginnings = [_line_at(place) for place in places]
    assert beginnings[:5] == [
        "def call(",
        "def call(",
        "CONTEXT =",
        "PROBE = P",
        "## S12 De",
    ]
    assert set(beginnings[5:]) == {"def broke", "def call("}
    assert said["limits"]["call"] == 6.0


def _line_at(place: str) -> str:
    path, _, number = place.partition(":")
    return (ROOT / path).read_text(encoding="utf-8").splitlines()[int(number) - 1][:9]


def test_every_target_context_and_probe_is_explained_from_files_that_are_there() -> None:
    registry = Registry()
    cells = {
        cell
        for part in ("target", "context", "probe")
        for cell in {getattr(cell, part): cell for cell in all_cells(registry)}.values()
    }

    explained = [about_cell(registry, cell, Expectations(), ()) for cell in cells]

    assert {cell.context for cell in cells} == set(registry.contexts())
    assert {cell.probe for cell in cells} == set(registry.probes())
    places = {getattr(one, part).place for one in explained for part in ("target", "context", "probe")}
    assert [place for place in places if not (ROOT / place.partition(":")[0]).is_file()] == []
    assert [one.cell.id for one in explained if not all(one.promise)] == []


def test_run_is_read_back_with_hang_and_explanation(
    small: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hang = Record(
        WORKS,
        Outcome.HANG,
        "the check did not end within 15 s",
        phase=Phase.CALL,
        hang_class=HangClass.DEADLOCK,
        signature="5c1d09e2ab",
        explanation="MainThread waits for the portal",
        seconds=15.25,
    )
    write_run(tmp_path, small, [hang])

    said = explained(small, WORKS.id, "--results", str(tmp_path), capsys=capsys)

    assert "hang in call, verdict regression, 15.250 s, on CPython 3.11.7 on Linux" in said
    for part in ("signature: 5c1d09e2ab", "class of hang: deadlock", "MainThread waits for the portal"):
        assert part in said


def test_run_without_the_cell_says_so(small: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(tmp_path, small, selection=Selection(probes=("leaks",)))

    said = explained(small, WORKS.id, "--results", str(tmp_path), capsys=capsys)

    assert f"{tmp_path}: this cell did not run" in said


def test_results_are_looked_into_unasked_where_a_run_is(
    small: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert "no run is at hand" in explained(small, WORKS.id, capsys=capsys)

    write_run(tmp_path / "results", small)
    assert "results: pass, verdict ok, 0.250 s" in explained(small, WORKS.id, capsys=capsys)


def test_path_without_a_run_is_a_usage_error(
    small: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [WORKS.id, "--results", str(tmp_path / "none"), "--registry", str(small.root)]

    assert main(["explain", *arguments]) == 2
    assert "there is no such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        pytest.param("python_version >= '3.11'", "hang: it waits (#7)\n", id="that_holds"),
        pytest.param(
            "python_version < '3'", "hang (its condition is not true here): it waits (#7)\n", id="elsewhere"
        ),
    ],
)
def test_known_failure_is_quoted_with_its_place(
    small: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str], condition: str, sentence: str
) -> None:
    known = tmp_path / "known.toml"
    known.write_text(
        f'\n[[expectation]]\ncells = "*_runtime/*/*/works"\noutcome = "hang"\ncondition = "{condition}"\n'
        'reason = "it waits"\nissue = "#7"\n',
        encoding="utf-8",
    )

    said = explained(small, WORKS.id, "--expectations", str(known), capsys=capsys)

    assert sentence in said
    assert "known.toml:2" in said
    assert ("pass: no known failure" in said) is ("not true here" in said)


def test_cell_that_means_nothing_says_why(toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    toy.context().probe(more="skip_when=lambda facts: 'no loop runs here'")

    assert "skip: no loop runs here" in explained(toy, WORKS.id, capsys=capsys)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        pytest.param("agent_runtime/toi/script/work", [WORKS.id], id="typing_errors"),
        pytest.param(
            "script/leaks",
            ["agent_runtime/toy/script/leaks", "control/toy/script/leaks"],
            id="some_parts_of_the_name",
        ),
        pytest.param("forg", ["control:forgets/toy/script/works"], id="a_piece_of_the_name"),
        pytest.param("nothing", [], id="nothing_like_it"),
        pytest.param("", [], id="nothing_at_all"),
    ],
)
def test_name_that_means_no_cell_is_told_near_ones(small: Toy, name: str, near: list[str]) -> None:
    with pytest.raises(SelectionError, match="is not a cell") as refused:
        one_cell(small.registry(), name)

    assert re.findall(r"^  (\S+)$", str(refused.value), re.MULTILINE) == near


def test_pattern_that_means_several_cells_is_refused_with_some(
    small: Toy, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", "*/*/*/works", "--registry", str(small.root)]) == 2
    assert "means 3 cells; name one:\n  agent_runtime/toy/script/works\n" in capsys.readouterr().err


def test_pattern_that_means_one_cell_is_that_cell(small: Toy) -> None:
    assert one_cell(small.registry(), "agent*/*/*/works") == WORKS


def test_data_holds_what_the_text_does(
    small: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(tmp_path, small)

    said = json.loads(explained(small, WORKS.id, "--json", "--results", str(tmp_path), capsys=capsys))

    assert said["cell"] == WORKS.id
    assert said["facts"]["main_thread"] is True
    assert said["promise"]["number"] == "S1"
    assert [control["target"] for control in said["controls"]] == ["control", "control:forgets"]
    assert said["runs"][0]["records"][0]["verdict"] == "ok"
    assert said["skipped"] is None
