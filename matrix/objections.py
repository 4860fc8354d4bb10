"""What is wrong with the expectations: in the light of the cells there are, and of what became of them."""

from __future__ import annotations

import difflib
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from matrix.model import Outcome
from matrix.objection import Fault, Objection
from matrix.patterns import covers, patterns_of

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterable, Sequence

    from matrix.expectations import Expectation, Expectations
    from matrix.judged import Judged
    from matrix.model import Cell

__all__ = ("kept_patterns", "may_meet", "objections_of_file", "objections_of_run", "passing_cells")

PARTS = ("target", "entry_point", "context", "probe")
# How many cells are named one by one in a sentence.
MAX_NAMED = 3


def objections_of_file(
    expectations: Expectations, *, known: Iterable[Cell], today: datetime.date
) -> list[Objection]:
    """Return which entries are dead, speak of the same cells, or have had their time.

    Args:
        expectations: the file, bound to an environment.
        known: every cell that there is, of whatever target.
        today: the day on which the gate judges.
    """
    cells = list(known)
    covered = [[cell for cell in cells if entry.covers(cell)] for entry in expectations.entries]
    found = []
    for number, entry in enumerate(expectations.entries):
        found += [
            _objection(
                expectations, entry, "cells", Fault.DEAD, _dead(pattern, cells), "delete it, or correct it"
            )
            for pattern in entry.cells
            if not any(covers(pattern, cell) for cell in cells)
        ]
        for earlier in range(number):
            shared = sorted({*covered[number]} & {*covered[earlier]})
            other = expectations.entries[earlier]
            if shared and may_meet(expectations, entry, other):
                text = f"it and line {other.table.heading + 1} both speak of {shared[0].id}"
                write = "leave the cell to one of them, or give them conditions that exclude each other"
                found.append(_objection(expectations, entry, "cells", Fault.DUPLICATE, text, write))
        if entry.expires is not None and entry.expires < today:
            text = f"it was to stand until {entry.expires}, and today is {today}"
            write = f"repair {entry.issue}, or write a later day and a reason that is true today"
            found.append(_objection(expectations, entry, "expires", Fault.EXPIRED, text, write))
    return found


def objections_of_run(
    expectations: Expectations, judged: Iterable[Judged], *, known: Iterable[Cell]
) -> list[Objection]:
    """Return which entries speak of cells that pass: of nothing else, or too broadly.

    Args:
        expectations: the file, bound to the environment of the run.
        judged: what became of the cells that ran.
        known: every cell that means something here, of whatever target; those that did not run may fail.
    """
    passing = passing_cells(judged)
    cells = list(known) if passing else []
    found = []
    for entry in expectations.entries:
        own = passing.get(entry.table.heading, [])
        if not own:
            continue
        some = ", ".join(cell.id for cell in own[:MAX_NAMED])
        some += f" and {len(own) - MAX_NAMED} more" if len(own) > MAX_NAMED else ""
        kept = kept_patterns(entry, own, cells)
        elsewhere = "" if entry.condition.marker else "; if it fails elsewhere still, add a condition instead"
        if kept:
            text = f"{len(own)} of the cells that it covers pass: {some}"
            names = ", ".join(f'"{pattern}"' for pattern in kept)
            write = f"narrow it to cells = [{names}]{elsewhere}"
            found.append(_objection(expectations, entry, "cells", Fault.OVER_BROAD, text, write))
        else:
            text, write = f"all of its cells pass: {some}", f"delete the entry{elsewhere}"
            found.append(_objection(expectations, entry, "cells", Fault.STALE, text, write))
    return found


def passing_cells(judged: Iterable[Judged]) -> dict[int, list[Cell]]:
    """Return the cells of each entry that pass, by the line of its heading."""
    found: dict[int, list[Cell]] = {}
    for one in judged:
        if one.record.outcome is Outcome.PASS and one.expectation is not None:
            found.setdefault(one.expectation.table.heading, []).append(one.cell)
    return found


def kept_patterns(entry: Expectation, without: Iterable[Cell], known: Iterable[Cell]) -> list[str]:
    """Return the patterns that are left of an entry without some of its cells; none for none."""
    gone = set(without)
    kept = [cell for cell in known if cell not in gone and entry.covers(cell)]
    return list(patterns_of(kept, others=gone))


def may_meet(expectations: Expectations, one: Expectation, other: Expectation) -> bool:
    """Whether two entries hold in one place: here, or wherever one of them does."""
    always = one.condition == other.condition or any(
        not entry.condition.marker and not entry.condition.packages for entry in (one, other)
    )
    return always or (expectations.holds(one) and expectations.holds(other))


def _dead(pattern: str, cells: Sequence[Cell]) -> str:
    """Say that a pattern matches nothing, and which of its parts is to blame."""
    for part, word in zip(PARTS, pattern.split("/"), strict=True):
        names = sorted({getattr(cell, part) for cell in cells})
        if not any(fnmatchcase(name, word) for name in names):
            near = difflib.get_close_matches(word, names, n=1, cutoff=0.4)
            hint = f"; nearest is {near[0]!r}" if near else ""
            return f"{pattern!r} matches no cell: there is no {part.replace('_', ' ')} {word!r}{hint}"
    return f"{pattern!r} matches no cell"


def _objection(
    expectations: Expectations, entry: Expectation, key: str, fault: Fault, text: str, write: str
) -> Objection:
    assert expectations.path is not None
    line = entry.table.keys.get(key, (entry.table.heading,))[0] + 1
    return Objection(fault, expectations.path, line, text, write)
