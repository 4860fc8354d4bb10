"""What differs between two runs: cells whose outcome changed, new ones, and cells that are gone."""

from __future__ import annotations

import enum
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matrix.model import Outcome
from matrix.recorded import text_of
from matrix.targets import is_broken
from matrix.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matrix.recorded import Recorded

__all__ = ("Change", "Comparison", "Kind", "compare")


class Kind(enum.Enum):
    """In which way a cell differs."""

    BROKE = "broke"
    """It was well before: it passed, or it was a control that its probe noticed."""
    FIXED = "fixed"
    """It is well now, and was not before."""
    CHANGED = "changed"
    """It has another outcome, and neither is well, or one is a skip."""
    NEW = "new"
    """Only the second run has it."""
    GONE = "gone"
    """Only the first run has it."""


@dataclass(frozen=True)
class Change:
    """One cell that differs; ``before`` and ``after`` are outcomes, empty where a run does not have it."""

    cell: str
    kind: Kind
    before: str = ""
    after: str = ""
    detail: str = ""

    def as_data(self) -> dict[str, str]:
        """Return this change as plain data."""
        return {
            "cell": self.cell,
            "kind": self.kind.value,
            "before": self.before,
            "after": self.after,
            "detail": self.detail,
        }


@dataclass(frozen=True)
class Comparison:
    """Two runs side by side."""

    before: Recorded
    after: Recorded
    changes: tuple[Change, ...]
    same: int

    def as_data(self) -> dict[str, object]:
        """Return the comparison as plain data."""
        runs = {"before": self.before, "after": self.after}
        return {
            **{
                word: {
                    "name": run.name,
                    "environments": run.environments(),
                    "cells": len(run.records),
                    "complete": run.complete,
                }
                for word, run in runs.items()
            },
            "same": self.same,
            "kinds": self._kinds(),
            "changes": [change.as_data() for change in self.changes],
        }

    def lines(self) -> list[str]:
        """Return the comparison as text, a line for each run, each change, and the sum."""
        lines = [
            f"{word}: {run.name}: {len(run.records)} cells, {', '.join(run.environments())}"
            f"{'' if run.complete else '; it did not come to its end'}"
            for word, run in (("before", self.before), ("after", self.after))
        ]
        for change in self.changes:
            outcomes = " -> ".join(filter(None, (change.before, change.after)))
            detail = " ".join(change.detail.split())[:400]
            lines.append(f"{change.kind.value:<7} {change.cell}  {outcomes}{f': {detail}' if detail else ''}")
        counts = ", ".join(f"{number} {word}" for word, number in self._kinds().items())
        return [
            *lines,
            f"{len(self.changes)} differ: {counts}; {self.same} alike" if counts else _alike(self.same),
        ]

    def _kinds(self) -> dict[str, int]:
        counted = Counter(change.kind for change in self.changes)
        return {kind.value: counted[kind] for kind in Kind if counted[kind]}


def compare(before: Recorded, after: Recorded) -> Comparison:
    """Return what differs, what broke before everything else, then in the order of the second run."""
    old, new = before.by_cell(), after.by_cell()
    found = [_change(cell, old.get(cell), new.get(cell)) for cell in {**new, **old}]
    changes = [change for change in found if change is not None]
    order = list(Kind)
    changes.sort(key=lambda change: order.index(change.kind))
    return Comparison(before, after, tuple(changes), len(found) - len(changes))


def _change(cell: str, old: Mapping[str, object] | None, new: Mapping[str, object] | None) -> Change | None:
    before = "" if old is None else text_of(old, "outcome")
    after = "" if new is None else text_of(new, "outcome")
    if before == after:
        return None
    return Change(cell, _kind(old, new), before, after, text_of(new or {}, "detail"))


def _kind(old: Mapping[str, object] | None, new: Mapping[str, object] | None) -> Kind:
    if old is None or new is None:
        return Kind.NEW if old is None else Kind.GONE
    if Outcome.SKIP.value in {text_of(old, "outcome"), text_of(new, "outcome")}:
        return Kind.CHANGED
    if _is_well(old) == _is_well(new):
        return Kind.CHANGED
    return Kind.BROKE if _is_well(old) else Kind.FIXED


def _is_well(record: Mapping[str, object]) -> bool:
    """Whether a cell passed; whether its probe noticed, if it is a control."""
    if is_broken(text_of(record, "cell").split("/")[0]):
        return text_of(record, "verdict") == Verdict.OK.value
    return text_of(record, "outcome") == Outcome.PASS.value


def _alike(same: int) -> str:
    return f"nothing differs: {same} alike"
