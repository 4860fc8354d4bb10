"""Before anything runs: which cells mean nothing on this machine, and in which hosts the others run."""

from __future__ import annotations

import importlib.util
import os
import sys
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from matrix.batch import Batch, batches
from matrix.model import Cell, Outcome
from matrix.record import Record
from matrix.targets import AGENT_RUNTIME, CONTROL, control_name, target_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matrix.model import Context
    from matrix.registry import Registry

__all__ = ("Plan", "does_not_apply", "hosts_of", "in_ci", "means_nothing", "plan")


@dataclass(frozen=True)
class Plan:
    """What a run is going to do.

    Attributes:
        cells: all that was selected.
        batches: what goes to hosts.
        settled: records of the cells that no host needs to see.
    """

    cells: tuple[Cell, ...]
    batches: tuple[Batch, ...]
    settled: tuple[Record, ...]


def in_ci() -> bool:
    """Whether this is a CI job, where everything has to be installed."""
    return os.environ.get("CI", "").lower() in {"1", "true"}


def plan(registry: Registry, cells: Iterable[Cell], *, ci: bool, apart: bool = False) -> Plan:
    """Settle the cells that cannot run here and batch the rest.

    With ``apart``, controls that leave nothing behind do not share hosts either.

    A cell whose context, probe or peer needs a package that is not installed is a skip that names it; in
    CI it is an error, because a gate that leaves cells out is no gate.
    """
    chosen = tuple(cells)
    missing = _Missing(ci=ci)
    settled = []
    runnable = []
    for cell in chosen:
        record = _settle(registry, cell, missing)
        if record is None:
            runnable.append(cell)
        else:
            settled.append(record)
    grouped = hosts_of(registry, runnable, apart=apart)
    return Plan(chosen, tuple(grouped), tuple(settled))


def hosts_of(registry: Registry, cells: Iterable[Cell], *, apart: bool = False) -> list[Batch]:
    """Return the hosts of some cells in the order of :func:`batches`; ``apart`` is as in :func:`plan`."""
    controls = {
        target_of(control): replace(control, harmless=control.harmless and not apart)
        for control in registry.controls().values()
    }
    return batches(cells, registry.contexts(), registry.probes(), controls=controls)


class _Missing:
    """Which import names are not installed, asked once each."""

    def __init__(self, *, ci: bool) -> None:
        self._known: dict[str, bool] = {}
        self.outcome = Outcome.ERROR if ci else Outcome.SKIP

    def of(self, names: Iterable[str]) -> list[str]:
        """Return those of ``names`` that cannot be imported here."""
        return [name for name in names if not self._installed(name)]

    def _installed(self, name: str) -> bool:
        if name not in self._known:
            try:
                self._known[name] = importlib.util.find_spec(name) is not None
            except (ImportError, ValueError):
                self._known[name] = False
        return self._known[name]


def does_not_apply(registry: Registry, cell: Cell) -> str | None:
    """Return why a cell means nothing here or in its context; None when it means something."""
    context = registry.context(cell.context).statement
    if sys.version_info < context.min_python:
        return f"the context does not exist before Python {'.'.join(map(str, context.min_python))}"
    return means_nothing(registry, cell)


def means_nothing(registry: Registry, cell: Cell) -> str | None:
    """Return why a cell means nothing on this system or in its context, whatever the version of Python."""
    context = registry.context(cell.context).statement
    if not _exists(context.platforms):
        return f"the context does not exist on {sys.platform}"
    control = control_name(cell.target)
    if control is not None and not _exists(registry.control(control).statement.platforms):
        return f"the control means nothing on {sys.platform}"
    probe = registry.probe(cell.probe).statement
    if probe.session and not _can_stream(registry, cell.target):
        return f"{cell.target} has no way to iterate over an async generator"
    without = registry.entry_point(cell.entry_point).statement.without.get(cell.probe)
    return without or _ruled_out(context, cell.probe) or probe.skip_when(context.facts)


def _ruled_out(context: Context, probe: str) -> str | None:
    reasons = (reason for pattern, reason in context.without.items() if fnmatchcase(probe, pattern))
    return next(reasons, None)


def _can_stream(registry: Registry, target: str) -> bool:
    return target not in registry.names("peers") or "stream" in registry.peer(target).functions


def _exists(platforms: tuple[str, ...]) -> bool:
    return not platforms or any(sys.platform.startswith(name) for name in platforms)


def _settle(registry: Registry, cell: Cell, missing: _Missing) -> Record | None:
    reason = does_not_apply(registry, cell)
    if reason:
        return Record(cell, Outcome.SKIP, reason)
    needed = [
        *registry.context(cell.context).statement.requires,
        *registry.probe(cell.probe).statement.requires,
    ]
    control = control_name(cell.target)
    if control is not None:
        needed += registry.control(control).statement.requires
    elif cell.target not in {AGENT_RUNTIME, CONTROL}:
        needed += registry.peer(cell.target).statement.requires
    absent = missing.of(needed)
    if absent:
        return Record(cell, missing.outcome, f"not installed: {', '.join(absent)}")
    return None
