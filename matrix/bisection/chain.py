"""The smallest chain of contexts in which a cell still fails as it does in the whole one."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from matrix.bisection.search import smallest
from matrix.bisection.seen import Once, Seen
from matrix.chains import SEPARATOR, ChainError, links_of
from matrix.expectations import Expectations
from matrix.model import Outcome
from matrix.run import judge_cells

if TYPE_CHECKING:
    from collections.abc import Callable

    from matrix.model import Cell
    from matrix.registry import Registry

__all__ = ("EMPTY", "Shortened", "shorten")

EMPTY = "plain_script"
"""The context that stands for a chain without links."""


@dataclass(frozen=True)
class Shortened:
    """What became of a chain.

    Attributes:
        whole: the cell in the whole chain.
        seen: what was seen there.
        links: the links that are left; None where nothing was to be found: the cell does not fail, or is
            flaky. Empty where it fails so in a plain script, too.
        tried: what was seen in each shorter chain, by its name.
    """

    whole: Cell
    seen: Seen
    links: tuple[str, ...] | None
    tried: dict[str, Seen]

    @property
    def cell(self) -> Cell | None:
        """The cell in the smallest chain."""
        return None if self.links is None else replace(self.whole, context=name_of(self.links))


def name_of(links: tuple[str, ...]) -> str:
    """Return the name of the chain of some links."""
    return SEPARATOR.join(links) or EMPTY


def shorten(
    registry: Registry,
    cell: Cell,
    *,
    times: int,
    note: Callable[[str, Seen], None] = lambda _name, _seen: None,
) -> Shortened:
    """Return what is left of a cell's chain while it fails with the same outcome and signature.

    Blocks while child processes perform the cell; an exception that passes through kills them first. A chain
    that cannot be entered, that is flaky, or in which the probe claims nothing, counts as not the same.

    Args:
        registry: where the contexts are.
        cell: a cell whose context is a chain.
        times: how often each chain is tried.
        note: called with each chain and what was seen in it.
    """
    tried: dict[str, Seen] = {}

    def seen_in(links: tuple[str, ...]) -> Seen:
        name = name_of(links)
        try:
            registry.context(name)
        except ChainError as error:
            tried[name] = Seen((), str(error))
        else:
            tried[name] = Seen.of(lambda: _once(registry, replace(cell, context=name)), times)
        note(name, tried[name])
        return tried[name]

    seen = seen_in(links_of(cell.context))
    del tried[cell.context]
    if not seen.tells or seen.times[0].outcome is Outcome.PASS:
        return Shortened(cell, seen, None, tried)
    left = smallest(links_of(cell.context), lambda links: seen_in(links).failure == seen.failure)
    return Shortened(cell, seen, left, tried)


def _once(registry: Registry, cell: Cell) -> Once:
    judged = judge_cells(registry, [cell], expectations=Expectations(), ci=False, jobs=1)
    with contextlib.closing(judged):
        (one,) = judged
    return Once(one.record.outcome, one.record.signature, one.record.detail)
