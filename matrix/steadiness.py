"""What several runs of the same code say together: which cells they agree on, how many alarms are false."""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matrix.recorded import environment_of, text_of
from matrix.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matrix.recorded import Recorded

__all__ = ("RunSaid", "Said", "Steadiness", "Unsteady", "line_of")

# Raised when a field changes its meaning or goes away; a new field does not raise it.
SCHEMA = 1


@dataclass(frozen=True)
class Said:
    """What a run has said of a cell; empty words where it has no such cell.

    Attributes:
        verdict: what it means to the gate.
        outcome: what happened.
    """

    verdict: str = ""
    outcome: str = ""


@dataclass(frozen=True)
class RunSaid:
    """One run, as far as others are compared with it.

    Attributes:
        code: digest of the code that ran.
        commit: the commit that was checked out, for people.
        environment: what it ran on, in a few words.
        cells: what it has said, by cell.
        performed: how many cells hosts have performed; the others were settled before.
        seconds: how long it took.
    """

    code: str
    commit: str
    environment: str
    cells: Mapping[str, Said]
    performed: int
    seconds: float

    @classmethod
    def of(cls, run: Recorded) -> RunSaid:
        """Return what a run of this matrix has said.

        Raises:
            ValueError: it has not come to its end.
        """
        origin, seconds = run.summary.get("run"), run.summary.get("seconds")
        if not run.complete or not isinstance(origin, dict) or not isinstance(seconds, float):
            raise ValueError(f"{run.name}: the run was stopped before its end, so it cannot be compared")
        return cls(
            str(origin.get("code", "")),
            str(origin.get("commit", "")),
            environment_of(run.summary),
            {
                cell: Said(text_of(record, "verdict"), text_of(record, "outcome"))
                for cell, record in run.by_cell().items()
            },
            sum(bool(record.get("host")) for record in run.records),
            seconds,
        )


@dataclass(frozen=True)
class Unsteady:
    """A cell on which runs of the same code disagree.

    Attributes:
        cell: which.
        verdicts: of each run, in their order; empty where a run has no such cell.
    """

    cell: str
    verdicts: tuple[str, ...]

    @property
    def false_alarms(self) -> int:
        """How many runs were red, although nothing had changed since one that was not."""
        return sum(verdict != Verdict.OK.value for verdict in self.verdicts)

    def as_line(self) -> str:
        """Return this cell with what came how often, and the first run that differs from the first."""
        counts = ", ".join(
            f"{number} x {word or 'missing'}" for word, number in Counter(self.verdicts).items()
        )
        other = next(number for number, verdict in enumerate(self.verdicts, 1) if verdict != self.verdicts[0])
        return f"{self.cell}: {counts}; run {other} differs from run 1"


@dataclass(frozen=True)
class Steadiness:
    """Runs of the same code, one after the other.

    Attributes:
        command: what each of them ran.
        runs: what they said, so far.
    """

    command: str
    runs: list[RunSaid]

    @property
    def unsteady(self) -> list[Unsteady]:
        """The cells whose verdict is not the same in all runs."""
        found = [Unsteady(cell, self._words(cell, "verdict")) for cell in self._cells]
        return [one for one in found if len(set(one.verdicts)) > 1]

    @property
    def restless(self) -> list[str]:
        """The cells whose verdict is the same and whose outcome is not: a control that fails or hangs."""
        return [
            cell
            for cell in self._cells
            if len(set(self._words(cell, "verdict"))) == 1 and len(set(self._words(cell, "outcome"))) > 1
        ]

    def as_data(self) -> dict[str, object]:
        """Return this as plain data."""
        first, unsteady = self.runs[0], self.unsteady
        return {
            "schema": SCHEMA,
            "command": self.command,
            "commit": first.commit,
            "code": first.code,
            "environment": first.environment,
            "runs": len(self.runs),
            "cells": len(self._cells),
            "cell_runs": sum(run.performed for run in self.runs),
            "false_alarms": sum(one.false_alarms for one in unsteady),
            "red_in_every_run": sum(
                Verdict.OK.value not in words and len(words) == 1
                for words in (set(self._words(cell, "verdict")) for cell in self._cells)
            ),
            "unsteady": [{"cell": one.cell, "verdicts": list(one.verdicts)} for one in unsteady],
            "other_outcome_same_verdict": self.restless,
            "seconds": [round(run.seconds, 1) for run in self.runs],
            "cells_per_second": round(statistics.median(run.performed / run.seconds for run in self.runs), 1),
        }

    @property
    def _cells(self) -> list[str]:
        return list(dict.fromkeys(cell for run in self.runs for cell in run.cells))

    def _words(self, cell: str, field: str) -> tuple[str, ...]:
        return tuple(str(getattr(run.cells.get(cell, Said()), field)) for run in self.runs)


def line_of(data: Mapping[str, object]) -> str:
    """Return what :meth:`Steadiness.as_data` gave as a sentence for a document."""
    alarms, red = data["false_alarms"], data["red_in_every_run"]
    known = f" {red} {'cell is' if red == 1 else 'cells are'} red in every run." if red else ""
    return (
        f"{data['runs']} runs of `{data['command']}`, on {data['environment']}, commit `{data['commit']}`:"
        f" {data['cells']} cells, **{data['cell_runs']} cell runs, {alarms} false"
        f" {'alarm' if alarms == 1 else 'alarms'}**, {data['cells_per_second']} cells a second in the"
        f" median.{known}"
    )
