"""The patch that would make a red gate green, in two parts: accepting a fix, and accepting a failure.

The first part deletes or narrows entries whose cells pass, and brings the lock up to date. The second, on
top of it, adds an entry for each failure, with an empty reason and issue: the file is refused until somebody
has filled them in. Errors of the matrix and controls have no part in it.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from matrix.expectations import EXPECTABLE, Expectations
from matrix.lock import lock_of, lock_text
from matrix.objections import kept_patterns, may_meet, passing_cells
from matrix.patch import Edit, edited, quoted, read_exactly, unified, value_of_cells
from matrix.patterns import covers, patterns_of
from matrix.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from matrix.judged import Judged
    from matrix.model import Cell
    from matrix.registry import Registry

__all__ = ("FAILURE", "FIX", "Acceptance", "acceptance_of")

# How long an expired entry stands when it is renewed: a quarter of a year, a guess.
RENEWAL = datetime.timedelta(days=90)
FIX, FAILURE = "accept-fix.patch", "accept-failure.patch"


@dataclass(frozen=True)
class Acceptance:
    """Two patches; an empty text where there is nothing to accept.

    Attributes:
        fix: accepts what passes, and the cells that there are.
        failure: accepts what fails; applies after ``fix``.
        folder: where :meth:`write` has put them; None for nowhere.
    """

    fix: str = ""
    failure: str = ""
    folder: Path | None = None

    def write(self, folder: Path) -> Acceptance:
        """Write the patches into a folder and remove those of an earlier run; return where they are."""
        for name, text in ((FIX, self.fix), (FAILURE, self.failure)):
            if text:
                (folder / name).write_bytes(text.encode())
            else:
                (folder / name).unlink(missing_ok=True)
        return replace(self, folder=folder)

    def as_data(self) -> dict[str, str]:
        """Return the patches as plain data."""
        return {"fix": self.fix, "failure": self.failure}

    def parts(self) -> list[tuple[str, str]]:
        """Return each patch that is not empty, after the sentence that says what applying it means."""
        before = f"git apply {self.folder}/" if self.folder is not None else ""
        found = []
        if self.fix:
            found.append((f"To accept what is fixed, new or gone: {before}{FIX}", self.fix))
        if self.failure:
            first = " on top of that," if self.fix else ""
            sentence = f"To accept what fails,{first} and then give each entry a reason and an issue:"
            found.append((f"{sentence} {before}{FAILURE}", self.failure))
        return found


def acceptance_of(
    registry: Registry,
    known: Expectations,
    judged: Iterable[Judged],
    *,
    cells: Sequence[Cell],
    today: datetime.date,
    lock: bool,
) -> Acceptance:
    """Return what would make a run green.

    Args:
        registry: what there is.
        known: the expectations of the run, bound to its environment.
        judged: what the run has found.
        cells: every cell that means something here.
        today: the day on which entries expire or do not.
        lock: whether the lock belongs to this run.
    """
    assert known.path is not None
    found = list(judged)
    before = read_exactly(known.path)
    fixed = edited(before, _corrections(known, found, cells)) if known.entries else before
    again = replace(known, entries=Expectations.parse(fixed, known.path).entries)
    red = [one for one in found if one.verdict is Verdict.REGRESSION and one.record.outcome in EXPECTABLE]
    edits = _exceptions(again, red, cells, today)
    accepted = edited(fixed, edits, add=_new_entries(again, red, cells)) if edits or red else fixed
    fix = unified(known.path, before, fixed)
    if lock:
        path = lock_of(registry)
        fix += unified(path, read_exactly(path), lock_text(registry))
    return Acceptance(fix, unified(known.path, fixed, accepted))


def _corrections(known: Expectations, judged: Sequence[Judged], cells: Sequence[Cell]) -> dict[int, Edit]:
    """Return what becomes of entries that are stale, too broad, dead or double."""
    passing = passing_cells(judged)
    edits = {}
    for number, entry in enumerate(known.entries):
        double = {
            cell
            for earlier in known.entries[:number]
            if may_meet(known, entry, earlier)
            for cell in cells
            if entry.covers(cell) and earlier.covers(cell)
        }
        without = double.union(passing.get(entry.table.heading, ()))
        alive = [pattern for pattern in entry.cells if any(covers(pattern, cell) for cell in cells)]
        kept = kept_patterns(entry, without, cells) if without else alive
        if kept != list(entry.cells):
            edits[entry.table.heading] = Edit(entry.table, kept)
    return edits


def _exceptions(
    known: Expectations, red: Sequence[Judged], cells: Sequence[Cell], today: datetime.date
) -> dict[int, Edit]:
    """Return what becomes of entries that expect another failure, or whose day is over."""
    failing = {one.cell for one in red}
    edits = {}
    for entry in known.entries:
        other = {cell for cell in failing if entry.covers(cell) and known.holds(entry)}
        over = entry.expires is not None and entry.expires < today
        if other or over:
            kept = kept_patterns(entry, other, cells) if other else entry.cells
            edits[entry.table.heading] = Edit(entry.table, kept, today + RENEWAL if over else None)
    return edits


def _new_entries(known: Expectations, red: Sequence[Judged], cells: Sequence[Cell]) -> list[str]:
    """Return an entry for each failure, as TOML: what has one outcome and signature for one probe."""
    groups: dict[tuple[str, ...], list[Cell]] = {}
    for one in red:
        # An entry for another place speaks of the cell: this one must not speak of that place too.
        elsewhere = any(entry.covers(one.cell) and not known.holds(entry) for entry in known.entries)
        condition = _this_place(known) if elsewhere else ""
        key = (one.cell.target, one.cell.probe, one.record.outcome.value, one.record.signature, condition)
        groups.setdefault(key, []).append(one.cell)
    found = []
    for (_, _, outcome, signature, condition), group in groups.items():
        patterns = list(patterns_of(group, others=cells))
        lines = ["[[expectation]]", f"cells = {value_of_cells(patterns)}", f"outcome = {quoted(outcome)}"]
        lines += [f"signature = {quoted(signature)}"] if signature else []
        lines += [f"condition = {quoted(condition)}"] if condition else []
        found.append("\n".join([*lines, 'reason = ""', 'issue = ""']))
    return found


def _this_place(known: Expectations) -> str:
    """Return the marker that tells this environment from the others, as well as one can know."""
    assert known.environment is not None
    markers = known.environment.markers
    return f"python_version == '{markers['python_version']}' and sys_platform == '{markers['sys_platform']}'"
