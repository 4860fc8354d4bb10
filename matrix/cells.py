"""Which cells there are, and which of them a selection means."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import chain, product
from typing import TYPE_CHECKING

from matrix.chains import SEPARATOR
from matrix.claims import cells_of_control, control_entry_point, offers
from matrix.model import Cell
from matrix.targets import AGENT_RUNTIME, CONTROL, control_name, target_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matrix.registry import Registry

__all__ = ("GATE", "Selection", "SelectionError", "all_cells", "select")

# What a run without --target judges, besides the controls of matrix/controls: our own entry points, and
# that every probe can fail.
GATE = (AGENT_RUNTIME, CONTROL)


class SelectionError(Exception):
    """A selection names something that does not exist."""


@dataclass(frozen=True)
class Selection:
    """What a command line asks for: patterns for each part of a cell, or whole cells.

    An empty tuple means everything; for ``targets`` it means the gate.
    """

    targets: tuple[str, ...] = ()
    entry_points: tuple[str, ...] = ()
    contexts: tuple[str, ...] = ()
    probes: tuple[str, ...] = ()
    cells: tuple[str, ...] = ()


def all_cells(registry: Registry, targets: Iterable[str] | None = None) -> list[Cell]:
    """Return every cell of some targets, or of all: ordered by target, context, entry point, probe.

    A control of ``matrix/controls`` has the cells that it speaks of and no others.
    """
    chosen = _targets(registry) if targets is None else targets
    return list(chain.from_iterable(_cells_of(registry, target) for target in chosen))


def _cells_of(registry: Registry, target: str) -> list[Cell]:
    control = control_name(target)
    if control is not None:
        return cells_of_control(registry, registry.control(control).statement)
    contexts, probes = sorted(registry.contexts()), list(registry.probes())
    return [
        Cell(target, entry_point, context, probe)
        for context, entry_point, probe in product(contexts, registry.entry_points(), probes)
        if offers(registry, entry_point, probe)
    ]


def select(registry: Registry, selection: Selection) -> list[Cell]:
    """Return the cells that a selection means, each once, in the order of :func:`all_cells`.

    Controls run through one entry point, unless the selection names the target and entry points itself.

    Raises:
        SelectionError: a pattern matches no name; the error offers the nearest ones.
    """
    if selection.cells:
        return _whole_cells(registry, selection.cells)
    targets = _matching("target", selection.targets or _gate(registry), _targets(registry))
    entry_points = _matching("entry point", selection.entry_points or ("*",), list(registry.entry_points()))
    contexts = _contexts(registry, selection.contexts or ("*",))
    probes = _matching("probe", _by_promise(registry, selection.probes) or ("*",), list(registry.probes()))
    every_control = bool(selection.targets and selection.entry_points)
    return [
        cell
        for cell in all_cells(registry, targets)
        if cell.entry_point in entry_points
        and cell.context in contexts
        and cell.probe in probes
        and (cell.target != CONTROL or every_control or _is_for_controls(registry, cell))
        and _is_wanted(registry, cell, selection)
    ]


def _is_wanted(registry: Registry, cell: Cell, selection: Selection) -> bool:
    """Whether the gate judges this cell: some contexts only with few entry points, and the reverse."""
    if SEPARATOR in cell.context or control_name(cell.target) is not None:
        return True
    context = registry.context(cell.context).statement
    probes, entry_points = context.gate_probes, context.gate_entry_points
    if probes and not selection.probes and not any(fnmatchcase(cell.probe, one) for one in probes):
        return False
    if selection.entry_points or cell.target == CONTROL:
        return True
    contexts = registry.entry_points()[cell.entry_point].gate_contexts
    return (not entry_points or cell.entry_point in entry_points) and (
        not contexts or cell.context in contexts
    )


def _contexts(registry: Registry, patterns: Sequence[str]) -> list[str]:
    """Return the contexts that some patterns mean; a chain, by its whole name, exists from then on."""
    for word in _words(patterns):
        if SEPARATOR in word:
            registry.context(word)
    return _matching("context", patterns, list(registry.contexts()))


def _by_promise(registry: Registry, patterns: Sequence[str]) -> list[str]:
    """Return the patterns with the number of a promise replaced by the probes that hold it."""
    probes = registry.probes().values()
    replaced = []
    for word in _words(patterns):
        replaced += [probe.name for probe in probes if probe.promise == word] or [word]
    return replaced


def _targets(registry: Registry) -> list[str]:
    return [*_gate(registry), *registry.peers()]


def _gate(registry: Registry) -> list[str]:
    return [*GATE, *sorted(target_of(control) for control in registry.controls().values())]


def _is_for_controls(registry: Registry, cell: Cell) -> bool:
    """Whether the controls of a probe run through this cell's entry point."""
    return cell.entry_point == control_entry_point(registry, cell.probe)


def _whole_cells(registry: Registry, patterns: Sequence[str]) -> list[Cell]:
    wanted = [Cell.parse(pattern) for pattern in _words(patterns)]
    _contexts(registry, [cell.context for cell in wanted])
    kinds: tuple[tuple[str, list[str]], ...] = (
        ("target", _targets(registry)),
        ("entry_point", list(registry.entry_points())),
        ("context", list(registry.contexts())),
        ("probe", list(registry.probes())),
    )
    for cell in wanted:
        for kind, names in kinds:
            _matching(kind.replace("_", " "), (getattr(cell, kind),), names)
    return [
        cell
        for cell in all_cells(registry)
        if any(
            all(fnmatchcase(getattr(cell, kind), getattr(one, kind)) for kind, _ in kinds) for one in wanted
        )
    ]


def _matching(what: str, patterns: Sequence[str], names: list[str]) -> list[str]:
    chosen = []
    for pattern in _words(patterns):
        found = [name for name in names if fnmatchcase(name, pattern)]
        if not found:
            near = difflib.get_close_matches(pattern, names, n=3, cutoff=0.4)
            hint = f"nearest: {', '.join(near)}" if near else f"there are: {', '.join(names) or 'none'}"
            raise SelectionError(f"no {what} matches {pattern!r}; {hint}")
        chosen += found
    return [name for name in names if name in chosen]


def _words(patterns: Iterable[str]) -> list[str]:
    """Return repeated and comma-separated patterns as one list."""
    return [word for pattern in patterns for word in pattern.split(",") if word]
