"""Runs with outcomes of one's choosing, written as the matrix writes them: no host, no probe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matrix.board import Board
from matrix.cells import Selection, select
from matrix.expectations import Expectations
from matrix.judged import RunResult, in_order, judge_record
from matrix.model import Cell, Outcome
from matrix.record import Record
from matrix.results import Results

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from tests.helpers.registries import Toy

__all__ = ("ENVIRONMENT", "usual_record", "write_run")

ENVIRONMENT = {
    "python": "3.11.7",
    "implementation": "CPython",
    "gil": True,
    "system": "Linux",
    "packages": {"trio": "0.25.0"},
}


def usual_record(cell: Cell) -> Record:
    """Return the record of a cell in which all is well."""
    control = cell.target == "control"
    return Record(
        cell,
        Outcome.FAIL if control else Outcome.PASS,
        "outputs: wanted 1, got 2" if control else "",
        seconds=0.25,
        host=1,
        facts={"running_loop": None, "main_thread": True},
        observations={"outputs": "{'greeting': 'hello'}"},
    )


def write_run(
    folder: Path,
    toy: Toy,
    records: Iterable[Record] = (),
    *,
    selection: Selection | None = None,
    without: Sequence[str] = (),
    expectations: Expectations | None = None,
) -> RunResult:
    """Write a run into a folder: all cells of a selection are well, but for some records."""
    own = {record.cell: record for record in records}
    cells = [cell for cell in select(toy.registry(), selection or Selection()) if cell.id not in without]
    board = Board(toy.registry(), cells)
    with Results(folder, ENVIRONMENT) as files:
        for cell in cells:
            judged = judge_record(own.get(cell, usual_record(cell)), expectations or Expectations())
            board.finish(judged)
            files.add(judged)
        result = RunResult(in_order(board.finished.values(), cells), ENVIRONMENT, 2.0)
        files.finish(result, board)
    return result
