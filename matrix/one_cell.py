"""The one cell that a command is asked about; a name that means none, or several, is told near ones."""

from __future__ import annotations

import difflib
from itertools import product
from typing import TYPE_CHECKING

from matrix.cells import Selection, SelectionError, all_cells, select
from matrix.chains import ChainError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matrix.model import Cell
    from matrix.registry import Registry

__all__ = ("one_cell",)

# As many as are read before one looks at `list` instead; a guess.
MAX_OFFERED = 5


def one_cell(registry: Registry, name: str) -> Cell:
    """Return the cell that ``name`` means: its whole name, or a pattern that no other cell matches.

    Raises:
        SelectionError: it means no cell, or more than one; the error offers some.
        ChainError: its context is a chain that cannot be.
    """
    cells = all_cells(registry)
    exact = [cell for cell in cells if cell.id == name]
    if exact:
        return exact[0]
    found = _matching(registry, name)
    if len(found) == 1:
        return found[0]
    if found:
        raise SelectionError(f"{name!r} means {len(found)} cells; name one:{_some(found)}")
    near = _near(cells, name)
    hint = f"nearest:{_some(near)}" if near else "`python -m matrix list --cells` shows what there is"
    raise SelectionError(f"{name!r} is not a cell; {hint}")


def _matching(registry: Registry, name: str) -> list[Cell]:
    try:
        return select(registry, Selection(cells=(name,)))
    except ChainError:
        raise
    except (SelectionError, ValueError):
        return []


def _near(cells: Sequence[Cell], name: str) -> list[Cell]:
    """Return the cells that ``name`` may mean: those that hold all its words, else those with like names."""
    words = [word for word in name.split("/") if word]
    having = [cell for cell in cells if words and set(words) <= set(_parts(cell))]
    holding = having or [cell for cell in cells if words and all(word in cell.id for word in words)]
    if holding or len(words) != 4:
        return holding
    known = [sorted(set(names)) for names in zip(*map(_parts, cells), strict=True)]
    near = [
        difflib.get_close_matches(word, names, n=2, cutoff=0.6)
        for word, names in zip(words, known, strict=True)
    ]
    by_parts = {_parts(cell): cell for cell in cells}
    return [by_parts[parts] for parts in product(*near) if parts in by_parts]


def _parts(cell: Cell) -> tuple[str, ...]:
    return (cell.target, cell.entry_point, cell.context, cell.probe)


def _some(cells: Sequence[Cell]) -> str:
    """Return some cells, one a line, so that a line can be copied."""
    more = [f"and {len(cells) - MAX_OFFERED} more"] if len(cells) > MAX_OFFERED else []
    return "".join(f"\n  {line}" for line in [*(cell.id for cell in cells[:MAX_OFFERED]), *more])
