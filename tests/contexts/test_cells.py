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
    from collections.abc import Iterable

    from tests.helpers.cells import Cells

HERE = "tests/contexts"


def applicable_cells() -> list[Cell]:
    """Return the cells of the gate that mean something here, also those that need a missing package."""
    registry = Registry()
    registry.verify()
    return [cell for cell in select(registry, Selection()) if does_not_apply(registry, cell) is None]


def cover_of(cells: Iterable[Cell]) -> list[Cell]:
    """Return some of the cells: each entry point in each context, and with each probe, at least once."""
    seen: set[tuple[str, str]] = set()
    found = []
    for cell in cells:
        pairs = {(cell.entry_point, cell.context), (cell.entry_point, cell.probe)}
        if not pairs <= seen:
            seen |= pairs
            found.append(cell)
    return found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test of every cell where this folder is asked for; of a cover in a run of everything.

    `nox -s contexts` judges all of them, and their controls.
    """
    if "cell" in metafunc.fixturenames:
        every = any(HERE in argument.replace("\\", "/") for argument in metafunc.config.args)
        cells = applicable_cells()
        chosen = cells if every else cover_of(cells)
        metafunc.parametrize("cell", [pytest.param(cell, id=cell.id) for cell in chosen])


def test_cell(cell: Cell, cells: Cells) -> None:
    judged = cells[cell]

    hold_to_verdict(judged)
