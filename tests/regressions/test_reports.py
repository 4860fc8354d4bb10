"""Every report of the field that is imported stays answered: its cells are tests with its id."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from matrix.cells import Selection, select
from matrix.model import Cell
from matrix.patterns import covers
from matrix.plan import does_not_apply
from matrix.registry import Registry
from matrix.reports import REGRESSIONS
from matrix.reports.regressions import problems_of, read_regressions
from tests.helpers.cells import hold_to_verdict

if TYPE_CHECKING:
    from tests.helpers.cells import Cells


def cells_of_reports() -> list[tuple[str, Cell]]:
    """Return each report with each of its cells that means something here."""
    registry = Registry()
    reports = read_regressions(REGRESSIONS)
    patterns = tuple(dict.fromkeys(pattern for report in reports for pattern in report.cells))
    cells = [
        cell for cell in select(registry, Selection(cells=patterns)) if does_not_apply(registry, cell) is None
    ]
    return [
        (report.id, cell)
        for report in reports
        for cell in cells
        if any(covers(pattern, cell) for pattern in report.cells)
    ]


@pytest.mark.parametrize(
    "cell", [pytest.param(cell, id=f"{report}:{cell.id}") for report, cell in cells_of_reports()]
)
def test_cell_of_report(cell: Cell, cells: Cells) -> None:
    hold_to_verdict(cells[cell])


def test_reports_name_cells_that_there_are_and_wait_for_what_is_missing() -> None:
    assert problems_of(Registry(), REGRESSIONS) == []
