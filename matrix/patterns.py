"""The fewest patterns that name some cells and none of some others: how many cells are said in few words."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matrix.model import Cell

__all__ = ("covers", "patterns_of")

# From the broadest to the narrowest: which parts of a cell's name become a star.
STARS = (
    ("entry_point", "context", "probe"),
    ("entry_point", "probe"),
    ("entry_point", "context"),
    ("entry_point",),
    ("context",),
    (),
)


def covers(pattern: str, cell: Cell) -> bool:
    """Whether a pattern of four parts speaks of a cell; a star stays within its part."""
    parts = (cell.target, cell.entry_point, cell.context, cell.probe)
    return all(map(fnmatchcase, parts, pattern.split("/")))


def patterns_of(
    cells: Iterable[Cell], *, others: Iterable[Cell], any_probe: bool = False
) -> dict[str, list[Cell]]:
    """Return patterns that cover all ``cells`` and none of ``others``, each with the cells that it adds.

    A star stands for a part only where it saves a pattern. The target is never one, and the probe only
    with ``any_probe``: an entry for every claim would explain none.
    """
    left = list(dict.fromkeys(cells))
    forbidden = set(others) - set(left)
    found: dict[str, list[Cell]] = {}
    for stars in STARS:
        if "probe" in stars and not any_probe:
            continue
        for cell in tuple(left):
            if cell not in left:
                continue
            pattern = _pattern(cell, stars)
            covered = [one for one in left if covers(pattern, one)]
            if (len(covered) > 1 or not stars) and not any(covers(pattern, one) for one in forbidden):
                found[pattern] = covered
                left = [one for one in left if one not in covered]
    return found


def _pattern(cell: Cell, stars: Sequence[str]) -> str:
    parts = ("target", "entry_point", "context", "probe")
    return "/".join("*" if part in stars else getattr(cell, part) for part in parts)
