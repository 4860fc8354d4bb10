"""What a run shows and writes: the grid at any width, what is red, the files, the generated table."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import pytest

from matrix.board import Board, Mark
from matrix.cells import Selection, select
from matrix.closing import closing_lines
from matrix.expectations import Expectations
from matrix.grid import Grid, probe_legend
from matrix.judged import RunResult, in_order, judge_record
from matrix.live import Live
from matrix.markdown import (
    contexts_as_markdown,
    controls_as_markdown,
    marked,
    replace_tables,
    run_as_markdown,
)
from matrix.model import Context, Control, Facts, Outcome
from matrix.record import Record
from matrix.show import Plain

if TYPE_CHECKING:
    from matrix.grid import Line
    from tests.helpers.registries import Toy

ENTRY_POINTS = ("executor_run", "run_workflow", "runtime_run")


@pytest.fixture
def wide(toy: Toy) -> Toy:
    """Three entry points, two contexts, three probes of two promises."""
    text = (toy.root / "entry_points" / "toy.py").read_text(encoding="utf-8")
    for name in ENTRY_POINTS:
        toy.write("entry_points", name, text.replace('"toy"', f'"{name}"').replace("toy()", f"{name}()"))
    (toy.root / "entry_points" / "toy.py").unlink()
    toy.context("plain_script").context("jupyter_cell")
    toy.probe("keeps_variables").probe("returns_value")
    probe = (toy.root / "probes" / "returns_value.py").read_text(encoding="utf-8")
    return toy.write("probes", "leaks", probe.replace("returns_value", "leaks").replace("'S1'", "'S7'"))


def run_of(
    toy: Toy, outcomes: dict[str, Outcome], selection: Selection | None = None
) -> tuple[Board, RunResult]:
    """Return a finished run in which all is well, but for some cells."""
    cells = select(toy.registry(), selection or Selection())
    board = Board(toy.registry(), cells)
    for cell in cells:
        usual = Outcome.FAIL if cell.target == "control" else Outcome.PASS
        outcome = outcomes.get(cell.id, usual)
        detail = "outputs: wanted 1, got 2" if outcome is not Outcome.PASS else ""
        board.finish(judge_record(Record(cell, outcome, detail), Expectations()))
    return board, RunResult(in_order(board.finished.values(), cells), {"python": "3.11.7"}, 2.0)


def texts(lines: list[Line]) -> list[str]:
    return ["".join(text for text, _ in line).rstrip() for line in lines]


def test_wide_grid_has_one_sign_for_each_entry_point(wide: Toy) -> None:
    board, _ = run_of(wide, {"agent_runtime/run_workflow/jupyter_cell/leaks": Outcome.HANG})

    assert texts(Grid(board, "agent_runtime", 100).lines()) == [
        "                  S1       S7    controls  red",
        "                  a   b",
        "jupyter_cell      ✓✓✓ ✓✓✓  ✓⧖✓        3/3    1",
        "plain_script      ✓✓✓ ✓✓✓  ✓✓✓        3/3",
    ]


def test_narrow_grid_shows_the_worst_sign_and_unfolds_rows_that_differ(wide: Toy) -> None:
    board, _ = run_of(wide, {"agent_runtime/run_workflow/jupyter_cell/leaks": Outcome.HANG})

    assert texts(Grid(board, "agent_runtime", 40).lines()) == [
        "                  S1   S7  controls  red",
        "                  a b",
        "jupyter_cell      ✓ ✓  ⧖        3/3    1",
        "  executor_run()  ✓ ✓  ✓",
        "  run_workflow()  ✓ ✓  ⧖",
        "  runtime_run()   ✓ ✓  ✓",
        "plain_script      ✓ ✓  ✓        3/3",
    ]


def test_grid_without_room_for_blanks_does_without(wide: Toy) -> None:
    board, _ = run_of(wide, {})

    assert texts(Grid(board, "agent_runtime", 30).lines())[:3] == [
        "                  S1 S7  controls  red",
        "                  ab",
        "jupyter_cell      ✓✓ ✓        3/3",
    ]


def test_grid_of_ascii_signs_has_no_others(wide: Toy) -> None:
    board, result = run_of(wide, {"agent_runtime/run_workflow/jupyter_cell/leaks": Outcome.CRASH})

    assert all(text.isascii() for text in texts(closing_lines(board, result, width=100, ascii_only=True)))


def test_no_two_marks_look_alike() -> None:
    for ascii_only in (False, True):
        assert len({mark.sign(ascii_only=ascii_only) for mark in Mark}) == len(Mark)


def test_running_and_waiting_cells_are_told_apart(wide: Toy) -> None:
    cells = select(wide.registry(), Selection(targets=("agent_runtime",), contexts=("plain_script",)))
    board = Board(wide.registry(), cells)
    board.begin(cells[0])

    assert texts(Grid(board, "agent_runtime", 100).lines())[-1] == "plain_script      ▸·· ···  ···"


def test_legend_of_probes_fits_the_width(wide: Toy) -> None:
    board, _ = run_of(wide, {})

    lines = texts(probe_legend(board.columns("agent_runtime"), 50))

    assert lines == ["S1a  keeps_variables   S7   leaks", "S1b  returns_value"]


def test_red_cell_comes_with_claim_reason_and_the_command_that_repeats_it(wide: Toy) -> None:
    board, result = run_of(wide, {"agent_runtime/run_workflow/jupyter_cell/leaks": Outcome.FAIL})

    end = texts(closing_lines(board, result, width=100, ascii_only=False))

    first = end.index("✗ agent_runtime/run_workflow/jupyter_cell/leaks  regression")
    assert end[first + 1 : first + 4] == [
        "    claim: it works",
        "    fail: outputs: wanted 1, got 2",
        "    python -m matrix run --cell agent_runtime/run_workflow/jupyter_cell/leaks",
    ]
    assert end[-1] == "1 unexpected: 17 pass, 1 fail; 0 cells performed in 2.0 s, 0.0 cells/s"


def test_many_red_cells_of_one_probe_are_one_entry(wide: Toy) -> None:
    red = {
        f"agent_runtime/{name}/{context}/leaks": Outcome.FAIL
        for name in ENTRY_POINTS
        for context in ("plain_script", "jupyter_cell")
    }
    board, result = run_of(wide, red)

    end = "\n".join(texts(closing_lines(board, result, width=100, ascii_only=False)))

    assert "✗ agent_runtime/*/*/leaks  6 cells  regression" in end
    assert "python -m matrix run --cell 'agent_runtime/*/*/leaks'" in end


def test_context_whose_host_fails_is_one_entry(wide: Toy) -> None:
    for name in ("fourth", "fifth"):
        wide.probe(name)
    red = {cell.id: Outcome.ERROR for cell in select(wide.registry(), Selection(contexts=("jupyter_cell",)))}
    board, result = run_of(wide, red)

    end = texts(closing_lines(board, result, width=100, ascii_only=False))

    assert "! agent_runtime/*/jupyter_cell/*  15 cells  broken" in end
    assert "! control/run_workflow/jupyter_cell/*  5 cells  broken" in end
    assert "    python -m matrix run --cell 'agent_runtime/*/jupyter_cell/*'" in end


def test_skipped_cells_are_named_with_their_reason(wide: Toy) -> None:
    left_out = {
        cell.id: Outcome.SKIP for cell in select(wide.registry(), Selection(contexts=("jupyter_cell",)))
    }
    board, result = run_of(wide, left_out)

    end = texts(closing_lines(board, result, width=100, ascii_only=False))

    assert "skipped: 12 cells in jupyter_cell: outputs: wanted 1, got 2" in end


def test_uncaught_control_is_the_first_thing_that_is_said(wide: Toy) -> None:
    red = {
        "agent_runtime/run_workflow/jupyter_cell/leaks": Outcome.FAIL,
        "control/run_workflow/plain_script/leaks": Outcome.PASS,
    }
    board, result = run_of(wide, red)

    end = texts(closing_lines(board, result, width=100, ascii_only=False))
    entries = [line for line in end if line.endswith(("broken", "regression"))]

    assert entries[0] == "✓ control/run_workflow/plain_script/leaks  broken"
    assert "controls: 5 of 6 broken bridges noticed" in end


def test_log_has_a_line_for_each_context_and_few_of_the_same_failure(wide: Toy) -> None:
    stream = io.StringIO()
    cells = select(wide.registry(), Selection())
    board = Board(wide.registry(), cells)
    log = Plain(board, stream)

    for cell in cells:
        judged = judge_record(Record(cell, Outcome.FAIL, "lost"), Expectations())
        board.finish(judged)
        log.finish(judged)

    lines = stream.getvalue().splitlines()
    assert len([line for line in lines if line.startswith("✗ agent_runtime/")]) == 3 + 3
    assert [line.partition("  [")[0] for line in lines if not line.startswith("✗")] == [
        "jupyter_cell  9 fail, controls 3/3",
        "plain_script  9 fail, controls 3/3",
    ]


def test_live_frame_shows_grid_legend_running_cells_and_progress(
    wide: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    cells = select(wide.registry(), Selection())
    board = Board(wide.registry(), cells)
    board.begin(cells[0])
    board.finish(judge_record(Record(cells[1], Outcome.FAIL, "lost"), Expectations()))

    frame = Live(board)._frame().plain.splitlines()

    assert frame[2].startswith("jupyter_cell      ▸·· ✗··")
    assert any(line.startswith("✓ pass   ✗ fail   ⧖ hang") for line in frame)
    assert any(line.startswith(f"> {cells[0].id}  0.") for line in frame)
    assert "1/24" in frame[-1]
    assert "1 red" in frame[-1]


def test_live_frame_fits_a_low_terminal_and_keeps_the_rows_that_matter_now(
    wide: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("LINES", "10")
    for number in range(20):
        wide.context(f"context_{number:02d}")
    cells = select(wide.registry(), Selection())
    board = Board(wide.registry(), cells)
    red = next(cell for cell in cells if cell.context == "context_13")
    board.finish(judge_record(Record(red, Outcome.FAIL, "lost"), Expectations()))

    frame = Live(board)._frame().plain.splitlines()

    assert len(frame) <= 10
    assert any(line.startswith("context_13") for line in frame)
    assert any(line.startswith("and 19 more contexts") for line in frame)


def test_markdown_of_a_run_has_verdict_grid_and_what_is_unexpected(wide: Toy) -> None:
    board, result = run_of(wide, {"agent_runtime/run_workflow/jupyter_cell/leaks": Outcome.FAIL})

    text = run_as_markdown(result, board)

    assert text.startswith("## ✗ matrix: 1 unexpected\n")
    assert "| `jupyter_cell` | ✓ | ✓ | ✓✗✓ | 3/3 |" in text
    assert "- `agent_runtime/run_workflow/jupyter_cell/leaks`: fail: outputs: wanted 1, got 2<br>" in text


def test_markdown_cannot_be_broken_by_what_a_failure_says(wide: Toy) -> None:
    cell = select(wide.registry(), Selection())[0]
    board = Board(wide.registry(), [cell])
    judged = judge_record(Record(cell, Outcome.FAIL, "</details>\n| <script> | `x` #1 ```"), Expectations())
    board.finish(judged)

    text = run_as_markdown(RunResult((judged,)), board)

    assert "\\<script\\> \\| \\`x\\` \\#1" in text
    assert "<script>" not in text.replace("\\<", "")


def test_table_of_contexts_replaces_what_is_between_the_markers() -> None:
    table = contexts_as_markdown([Context("plain_script", "a script", Facts(None, False, True), ("json",))])
    document = f"# Title\n\n{marked('contexts', 'old')}\n\nend\n"

    assert replace_tables(document, {"contexts": table, "controls": "not asked for"}) == (
        "# Title\n\n<!-- contexts:begin -->\n"
        "| context | sync code is called | running loop | main thread | needs |\n"
        "|---|---|---|---|---|\n"
        "| `plain_script` | a script | none | yes | `json` |\n"
        "<!-- contexts:end -->\n\nend\n"
    )


def test_table_of_controls_names_what_is_held_against_each() -> None:
    odd = Control("odd", "looks odd", passes=("works",))
    broken = Control("lossy", "loses outputs", caught_by=("works", "other"), context="asyncio_run")

    assert controls_as_markdown([odd, broken]).splitlines()[2:] == [
        "| `control:lossy` | loses outputs | `works`, `other` | `asyncio_run` |",
        "| `near_miss:odd` | looks odd | passes `works` | `plain_script` |",
    ]


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        pytest.param("nothing", "the markers are missing; write <!-- contexts:begin --> and", id="none"),
        pytest.param("<!-- contexts:begin -->\n", "has no <!-- contexts:end --> after it", id="half_a_pair"),
    ],
)
def test_document_without_markers_is_refused_with_what_to_write(document: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        replace_tables(document, {"contexts": "table"})
