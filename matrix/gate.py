"""What a run is held against as a whole: the known failures, the lock, and the day on which it is judged."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from matrix.accept import acceptance_of
from matrix.cells import all_cells
from matrix.lock import lock_objections
from matrix.objections import objections_of_file, objections_of_run
from matrix.plan import does_not_apply
from matrix.run import read_expectations

if TYPE_CHECKING:
    from pathlib import Path

    from matrix.expectations import Expectations
    from matrix.judged import RunResult
    from matrix.model import Cell
    from matrix.objection import Objection
    from matrix.registry import Registry

__all__ = ("Gate",)


@dataclass(frozen=True)
class Gate:
    """What a run is held against.

    Attributes:
        registry: what there is.
        known: the known failures, bound to the environment of the run.
        today: the day on which entries expire or do not.
        whole: whether the run is of the whole gate, which is what the lock is about; who runs a part of it
            is at work on something.
    """

    registry: Registry
    known: Expectations
    today: datetime.date
    whole: bool

    @classmethod
    def of(
        cls, registry: Registry, expectations: Path, *, whole: bool, today: datetime.date | None = None
    ) -> Gate:
        """Return what a run in this process is held against; the day is by default today's, in UTC.

        Raises:
            ExpectationsError: the file of expectations is malformed.
        """
        day = today or datetime.datetime.now(datetime.UTC).date()
        return cls(registry, read_expectations(expectations), day, whole)

    @cached_property
    def objections(self) -> list[Objection]:
        """What is wrong before anything has run.

        Raises:
            LockError: the lock is not one.
        """
        # Enumerating all cells takes longer than judging one: only for entries that may speak of them.
        cells = all_cells(self.registry) if self.known.entries else ()
        found = objections_of_file(self.known, known=cells, today=self.today)
        return [*found, *(lock_objections(self.registry) if self.whole else ())]

    def conclude(self, result: RunResult) -> RunResult:
        """Return a run with what it shows to be wrong, and the patches that would accept it."""
        cells = self._cells if self.known.entries else ()
        shown = objections_of_run(self.known, result.judged, known=cells)
        objections = (*self.objections, *shown)
        if result.interrupted or not (objections or result.unexpected):
            return replace(result, objections=objections)
        acceptance = acceptance_of(
            self.registry, self.known, result.judged, cells=self._cells, today=self.today, lock=self.whole
        )
        return replace(result, objections=objections, acceptance=acceptance)

    @cached_property
    def _cells(self) -> list[Cell]:
        """Every cell that means something here, of whatever target."""
        cells = all_cells(self.registry)
        return [cell for cell in cells if does_not_apply(self.registry, cell) is None]
