"""One run from a selection to verdicts; what the command line and the tests have in common."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from matrix.conditions import Environment
from matrix.expectations import Expectations
from matrix.fingerprint import fingerprint
from matrix.judged import Judged, judge_record
from matrix.model import Outcome
from matrix.parent import supervise
from matrix.plan import plan
from matrix.record import Record
from matrix.targets import control_name

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Generator, Iterable
    from pathlib import Path

    from matrix.interrupts import Interrupts
    from matrix.model import Cell
    from matrix.registry import Registry

__all__ = ("judge_cells", "packages_of", "read_expectations")


def read_expectations(path: Path) -> Expectations:
    """Return the known failures in ``path``, bound to the environment of this process.

    Raises:
        ExpectationsError: the file is wrong.
    """
    found = Expectations.read(path)
    environment = Environment.of(fingerprint(distributions=found.distributions))
    return replace(found, environment=environment)


def judge_cells(
    registry: Registry,
    cells: Iterable[Cell],
    *,
    expectations: Expectations,
    ci: bool,
    jobs: int | None = None,
    on_begin: Callable[[Cell], None] = lambda _cell: None,
    interrupts: Interrupts | None = None,
) -> Generator[Judged, None, None]:
    """Judge cells in child processes; yield each as soon as it is final.

    Blocks the calling thread between cells. Closing the iterator kills every child, and so does a signal that
    ``interrupts`` has noted: KeyboardInterrupt comes out here, between two cells.
    """
    planned = plan(registry, cells, ci=ci)
    seen = set()
    for record in planned.settled:
        seen.add(record.cell)
        yield judge_record(record, expectations)
    records = supervise(
        planned.batches, root=registry.root, jobs=jobs, on_begin=on_begin, interrupts=interrupts
    )
    with contextlib.closing(records):
        for record in records:
            seen.add(record.cell)
            yield judge_record(record, expectations)
    for record in lost_cells(planned.cells, seen):
        yield judge_record(record, expectations)


def lost_cells(cells: Iterable[Cell], seen: Container[Cell]) -> list[Record]:
    """Return an error for each cell that was to be judged and of which no record came."""
    return [
        Record(cell, Outcome.ERROR, "the matrix has lost this cell: no record of it came")
        for cell in cells
        if cell not in seen
    ]


def packages_of(registry: Registry, cells: Iterable[Cell]) -> list[str]:
    """Return the import names whose versions matter to some cells."""
    chosen = list(cells)
    contexts, peers, probes = registry.contexts(), registry.peers(), registry.probes()
    names: set[str] = set()
    for context in {cell.context for cell in chosen}:
        names.update(contexts[context].requires)
    for probe in {cell.probe for cell in chosen}:
        names.update(probes[probe].requires)
    for target in {cell.target for cell in chosen} & set(peers):
        names.update(peers[target].requires)
    for control in {control_name(cell.target) for cell in chosen} - {None}:
        names.update(registry.control(str(control)).statement.requires)
    return sorted(names)
