"""Every cell of the gate as a test: agent_runtime keeps its contract everywhere, and every probe can fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from matrix.cells import Selection, select
from matrix.model import Cell, Outcome
from matrix.plan import does_not_apply
from matrix.registry import Registry
from matrix.verdict import Verdict

if TYPE_CHECKING:
    from matrix.judged import Judged
    from tests.contexts.conftest import Cells


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

    if judged.record.outcome is Outcome.SKIP:
        pytest.skip(judged.record.detail)
    if judged.verdict is not Verdict.OK:
        pytest.fail(report(judged), pytrace=False)
    if judged.expectation is not None:
        pytest.xfail(f"{judged.expectation.reason} ({judged.expectation.issue})")


def report(judged: Judged) -> str:
    """Return everything that is known of a red cell."""
    record = judged.record
    parts = {
        "traceback": record.traceback,
        "stacks": record.stacks,
        "output of the host": record.output,
    }
    texts = [f"--- {title}\n{text.rstrip()}" for title, text in parts.items() if text]
    again = f"python -m matrix run --cell {judged.cell.id}"
    return "\n".join([f"{judged.verdict.value}: {judged.sentence}", *texts, f"--- to repeat\n{again}"])
