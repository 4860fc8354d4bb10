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
    found: list[Cell] = []
    seen: set[tuple[str, str]] = set()
    for cell in cells:
        if not pairs_of([cell]) <= seen:
            seen |= pairs_of([cell])
            found.append(cell)
    return found


def pairs_of(cells: Iterable[Cell]) -> set[tuple[str, str]]:
    """Return the entry points of cells, each with the contexts and the probes that it meets."""
    return {(cell.entry_point, name) for cell in cells for name in (cell.context, cell.probe)}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test of every cell where this folder is asked for; of a cover in a run of everything.

    `nox -s contexts` judges all of them, and their controls.
    """
    if "cell" in metafunc.fixturenames:
        every = any(HERE in argument.replace("\\", "/") for argument in metafunc.config.args)
        cells = applicable_cells()
        chosen = cells if every else cover_of(cells)
        metafunc.parametrize("cell", [pytest.param(cell, id=cell.id) for cell in chosen])


def test_cover_has_each_entry_point_in_each_context_and_with_each_probe() -> None:
    cells = applicable_cells()
    chosen = cover_of(cells)

    assert pairs_of(chosen) == pairs_of(cells)
    assert set(chosen) < set(cells)


def test_cell(cell: Cell, cells: Cells) -> None:
    judged = cells[cell]

    hold_to_verdict(judged)
