"""Runs the cells that were collected, many in one host, and keeps what became of them for their tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from matrix.expectations import BUILT_IN_EXPECTATIONS
from matrix.model import Outcome
from matrix.plan import in_ci
from matrix.registry import Registry
from matrix.run import judge_cells, read_expectations
from matrix.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Generator

    from matrix.judged import Judged
    from matrix.model import Cell

__all__ = ("Cells", "hold_to_verdict", "report_on")


class Cells:
    """The cells of this session; the first test that asks for one starts the hosts for many.

    Alone, every collected cell runs, in as many hosts at once as there are CPUs. Under pytest-xdist the
    cells of the asked one's context run, one host at a time: the other workers run the other contexts.
    """

    def __init__(self, collected: list[Cell], *, worker: bool) -> None:
        self._collected = collected
        self._worker = worker
        self._registry = Registry()
        self._expectations = read_expectations(BUILT_IN_EXPECTATIONS)
        self._known: dict[Cell, Judged] = {}
        self._going: Generator[Judged, None, None] | None = None

    def __getitem__(self, cell: Cell) -> Judged:
        """Return what became of a cell; blocks until it is known."""
        while cell not in self._known:
            if self._going is None:
                self._going = self._start(cell)
            judged = next(self._going, None)
            if judged is None:
                self._going = None
            else:
                self._known[judged.cell] = judged
        return self._known[cell]

    def close(self) -> None:
        """Kill the hosts that still run, when the session ends early."""
        if self._going is not None:
            self._going.close()

    def _start(self, cell: Cell) -> Generator[Judged, None, None]:
        if self._going is not None:
            self._going.close()
        alike = [one for one in self._collected if not self._worker or one.context == cell.context]
        wanted = [one for one in alike if one not in self._known]
        return judge_cells(
            self._registry,
            wanted,
            expectations=self._expectations,
            ci=in_ci(),
            jobs=1 if self._worker else None,
        )


def hold_to_verdict(judged: Judged) -> None:
    """Pass, fail, skip or xfail the present test as a cell's verdict says."""
    if judged.record.outcome is Outcome.SKIP:
        pytest.skip(judged.record.detail)
    if judged.verdict is not Verdict.OK:
        pytest.fail(report_on(judged), pytrace=False)
    if judged.expectation is not None:
        pytest.xfail(f"{judged.expectation.reason} ({judged.expectation.issue})")


def report_on(judged: Judged) -> str:
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
