"""Where between two versions of a package, or between interpreters, the outcome of a cell flips."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from matrix.bisection.environments import PlaceError, performed
from matrix.bisection.search import Flip, Side, first_flip
from matrix.bisection.seen import Seen

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matrix.bisection.environments import Place
    from matrix.model import Cell
    from matrix.registry import Registry

__all__ = ("Flipped", "between", "where_it_flips")


@dataclass(frozen=True)
class Flipped:
    """What was found in a row of versions.

    Attributes:
        cell: which cell was performed.
        row: the versions in order.
        seen: what was seen in those that were tried.
        flip: where it flips, by index; None where nothing was to be found: both ends are alike, or one of
            them tells nothing.
    """

    cell: Cell
    row: tuple[str, ...]
    seen: dict[str, Seen]
    flip: Flip | None

    @property
    def ends(self) -> tuple[Seen, Seen]:
        """What was seen in the first and in the last."""
        return self.seen[self.row[0]], self.seen[self.row[-1]]


def between(versions: Sequence[str], good: str | None, bad: str | None) -> tuple[str, ...]:
    """Return the versions from a good one to a bad one; backwards where the good one is the newer.

    Raises:
        ValueError: there are fewer than two, one stands there twice, or an end is not among them.
    """
    row = tuple(dict.fromkeys(versions))
    if len(row) < len(versions):
        raise ValueError(f"one stands there twice: {', '.join(versions)}")
    for option, version in (("--good", good), ("--bad", bad)):
        if version is not None and version not in row:
            raise ValueError(f"{option} {version} is not among {', '.join(row) or 'no versions'}")
    first = 0 if good is None else row.index(good)
    last = len(row) - 1 if bad is None else row.index(bad)
    chosen = row[first : last + 1] if first <= last else row[last : first + 1][::-1]
    if len(chosen) < 2:
        raise ValueError(
            f"two or more are needed to find out where it flips, not {', '.join(chosen) or 'none'}"
        )
    return chosen


def where_it_flips(
    registry: Registry,
    cell: Cell,
    row: tuple[str, ...],
    make: Callable[[str, Path], Place],
    *,
    times: int,
    note: Callable[[str, Seen], None],
) -> Flipped:
    """Perform a cell in the first and the last version, and if they differ, find where in between it flips.

    Environments are made one after the other in a folder that is gone at the end. Blocks meanwhile.

    Args:
        registry: where the cell's files are.
        cell: what is performed.
        row: two or more versions.
        make: returns the environment of a version, made in a folder; raises PlaceError.
        times: how often each is tried.
        note: called with each version and what was seen in it.
    """
    seen: dict[str, Seen] = {}

    def look(name: str, folder: Path) -> Seen:
        try:
            place = make(name, folder)
            seen[name] = Seen.of(lambda: performed(place, cell, registry=registry.root, folder=folder), times)
        except PlaceError as error:
            seen[name] = Seen((), str(error))
        note(name, seen[name])
        return seen[name]

    with tempfile.TemporaryDirectory(prefix="matrix-bisect-", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary)
        good, bad = look(row[0], folder), look(row[-1], folder)
        if not good.tells or not bad.tells or good.failure == bad.failure:
            return Flipped(cell, row, seen, None)
        sides = {good.failure: Side.BEFORE, bad.failure: Side.AFTER}
        flip = first_flip(len(row), lambda index: sides.get(look(row[index], folder).failure, Side.UNKNOWN))
    return Flipped(cell, row, seen, flip)
