"""Every cell of the gate as a test: agent_runtime keeps its contract everywhere, and every probe can fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from matrix.cells import Selection, select
from matrix.model import Cell
from matrix.plan import does_not_apply
from matrix.registry import Registry
from tests.helpers.cells import hold_to_verdict

if TYPE_CHECKING:
    from tests.helpers.cells import Cells


def applicable_cells() -> list[Cell]:
    """Return the cells of the gate that mean something here, also those that need a missing package."""
    registry = Registry()
    registry.verify()
    return [cell for cell in select(registry, Selection()) if does_not_apply(registry, cell) is None]


@pytest.mark.parametrize(
    "cell",
    [pytest.param(cell, id=cell.id) for cell in applicable_cells()],
)
def test_cell(cell: Cell, cells: Cells) -> None:
    judged = cells[cell]

    hold_to_verdict(judged)
