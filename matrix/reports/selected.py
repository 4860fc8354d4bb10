"""The cells of imported reports, for a run that is asked for them by id."""

from __future__ import annotations

from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from matrix.cells import SelectionError
from matrix.reports.regressions import read_regressions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ("cells_of_reports",)


def cells_of_reports(folder: Path, patterns: Sequence[str], targets: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the cells of some reports, as patterns; of other targets if some are named.

    Raises:
        SelectionError: there is no such report, or no cell that reproduces it.
        RegressionError: a file of the regressions is wrong.
    """
    known = {regression.id: regression for regression in read_regressions(folder)}
    cells: list[str] = []
    for pattern in (word for text in patterns for word in text.split(",") if word):
        chosen = [one for name, one in known.items() if fnmatchcase(name, pattern)]
        if not chosen:
            near = ", ".join(get_close_matches(pattern, known, n=3, cutoff=0.4)) or "none"
            raise SelectionError(f"no report {pattern!r} in {folder}; nearest: {near}")
        found = [cell for one in chosen for cell in one.cells]
        if not found:
            waits = ", ".join(sorted({name for one in chosen for name in one.waits_for}))
            raise SelectionError(f"no cell reproduces report {pattern!r} yet; it waits for {waits}")
        cells += found
    if targets:
        named = [word for text in targets for word in text.split(",") if word]
        cells = [f"{target}/{cell.partition('/')[2]}" for target in named for cell in cells]
    return tuple(dict.fromkeys(cells))
