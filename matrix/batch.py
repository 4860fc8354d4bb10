"""Which cells share a host: as many as do not disturb each other, since hosts cost more than cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from matrix.model import Cell, Context, Control, Limits, Probe, limits_of
from matrix.targets import BROKEN_PREFIX, NEAR_MISS_PREFIX, is_broken

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ("Batch", "batches")

# Seconds of one cell, of a host's start and end, and of one that imports packages first: medians of a gate
# run on two cores. They only put hosts into an order, so that no long one is left to the end.
CELL, PLAIN_HOST, HOST_WITH_PACKAGES = 0.08, 0.3, 1.5


@dataclass(frozen=True)
class Batch:
    """Cells that one host performs one after the other.

    Attributes:
        context: the host's context, with its limits.
        cells: what it performs, in order.
        limits: those of each cell.
    """

    context: Context
    cells: tuple[Cell, ...]
    limits: Mapping[Cell, Limits]

    @property
    def exit_limit(self) -> float:
        """Seconds that the host's process may take to end: what the most patient of its cells allows."""
        return max(self.limits[cell].exit for cell in self.cells)

    @property
    def control(self) -> bool:
        """Whether these bridges are broken on purpose: how such a host ends is not judged."""
        return is_broken(self.cells[0].target)


def batches(
    cells: Iterable[Cell],
    contexts: Mapping[str, Context],
    probes: Mapping[str, Probe],
    *,
    controls: Mapping[str, Control] | None = None,
) -> list[Batch]:
    """Group cells into hosts, the longest first, so that no long one is left to the end.

    Before all others comes one that needs no packages: it has a cell to show while others import.

    One host for each context and target, another for each cell of an isolated probe. Controls are
    cells like any other here: a control that hangs costs its host, and the rest get a fresh one.

    Args:
        cells: what is to be performed.
        contexts: the statements of the contexts that the cells name.
        probes: the statements of the probes that the cells name.
        controls: by target, the statements of the controls that the cells name. Broken bridges have limits
            of their own, and those that leave nothing behind share a host.
    """
    known = controls or {}
    shared: dict[tuple[str, ...], list[Cell]] = {}
    for cell in cells:
        alone = (cell.id,) if probes[cell.probe].isolated else ()
        shared.setdefault((_owner(cell, known), cell.context, *alone), []).append(cell)
    made = [
        Batch(
            context := contexts[group[0].context],
            tuple(group),
            {cell: limits_of(context, probes[cell.probe], known.get(cell.target)) for cell in group},
        )
        for group in shared.values()
    ]
    made.sort(key=_weight, reverse=True)
    soonest = next((batch for batch in made if not batch.context.requires), None)
    return made if soonest is None else [soonest, *(batch for batch in made if batch is not soonest)]


def _owner(cell: Cell, controls: Mapping[str, Control]) -> str:
    """Return for whose cells a host is started: one target, or all controls of a kind that harm nothing."""
    control = controls.get(cell.target)
    if control is None or not control.harmless:
        return cell.target
    return NEAR_MISS_PREFIX if control.near_miss else BROKEN_PREFIX


def _weight(batch: Batch) -> float:
    """How many seconds a host will take, roughly."""
    return (HOST_WITH_PACKAGES if batch.context.requires else PLAIN_HOST) + CELL * len(batch.cells)
