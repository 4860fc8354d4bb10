"""What a run that is over has said of one cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from matrix.recorded import environment_of, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matrix.model import Cell
    from matrix.recorded import Recorded

__all__ = ("Seen", "seen_in")


@dataclass(frozen=True)
class Seen:
    """One run, and its records of one cell: none if the cell was not selected, several on several Pythons.

    Attributes:
        run: the path that the run was read from.
        complete: whether it came to its end.
        records: what it holds of the cell.
    """

    run: str
    complete: bool
    records: tuple[Mapping[str, object], ...]

    def as_data(self) -> dict[str, object]:
        """Return it as plain data: the records as they were written."""
        return {"run": self.run, "complete": self.complete, "records": [dict(one) for one in self.records]}

    def lines(self) -> list[str]:
        """Return what to print of it."""
        unfinished = "" if self.complete else " (a run that did not come to its end)"
        if not self.records:
            return [f"{self.run}{unfinished}: this cell did not run"]
        lines = []
        for record in self.records:
            lines.append(f"{self.run}{unfinished}: {_headline(record)}")
            lines += [f"  {line}" for line in _details(record)]
        return lines


def seen_in(run: Recorded, cell: Cell) -> Seen:
    """Return what a run says of a cell."""
    return Seen(run.name, run.complete, tuple(one for one in run.records if text_of(one, "cell") == cell.id))


def _headline(record: Mapping[str, object]) -> str:
    phase, verdict = text_of(record, "phase"), text_of(record, "verdict")
    where = environment_of(record)
    seconds = record.get("seconds")
    parts = [
        text_of(record, "outcome") + (f" in {phase}" if phase else ""),
        f"verdict {verdict}" if verdict else "",
        f"{seconds:.3f} s" if isinstance(seconds, int | float) and seconds else "",
        f"on {where}" if where else "",
    ]
    return ", ".join(part for part in parts if part)


def _details(record: Mapping[str, object]) -> list[str]:
    """Return what a record says beyond its outcome; long texts last."""
    lines = text_of(record, "detail").splitlines()
    for name, label in (
        ("signature", "signature"),
        ("hang_class", "class of hang"),
        ("evidence", "evidence"),
        ("second_run", "second run"),
    ):
        lines += [f"{label}: {text}"] if (text := text_of(record, name)) else []
    observations = record.get("observations")
    if isinstance(observations, dict):
        lines += [f"observed {of}: {got}" for of, got in observations.items()]
    for name, label in (
        ("explanation", "who waits for whom"),
        ("traceback", "traceback"),
        ("stacks", "stacks"),
        ("task_stacks", "tasks"),
        ("output", "output"),
    ):
        if text := text_of(record, name).strip("\n"):
            lines += [f"{label}:", *(f"  {line}" for line in text.splitlines())]
    return lines
