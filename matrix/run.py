"""One run from a selection to verdicts; what the command line and the tests have in common."""

from __future__ import annotations

import contextlib
import signal
from dataclasses import replace
from typing import TYPE_CHECKING

from matrix.conditions import Environment
from matrix.expectations import Expectations
from matrix.fingerprint import fingerprint
from matrix.judged import Judged, judge_record
from matrix.parent import supervise
from matrix.plan import plan
from matrix.targets import control_name

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from pathlib import Path

    from matrix.model import Cell
    from matrix.registry import Registry

__all__ = ("ended_by_signals", "judge_cells", "packages_of", "read_expectations")


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
) -> Generator[Judged, None, None]:
    """Judge cells in child processes; yield each as soon as it is final.

    Blocks the calling thread between cells. Closing the iterator kills every child.
    """
    planned = plan(registry, cells, ci=ci)
    for record in planned.settled:
        yield judge_record(record, expectations)
    records = supervise(planned.batches, root=registry.root, jobs=jobs, on_begin=on_begin)
    with contextlib.closing(records):
        for record in records:
            yield judge_record(record, expectations)


@contextlib.contextmanager
def ended_by_signals(children: Generator[object, None, None]) -> Iterator[None]:
    """Let SIGTERM interrupt the block as Ctrl-C does, and kill the children at its end."""
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        # A second Ctrl-C must not keep the children from being killed.
        impatient = signal.signal(signal.SIGINT, signal.SIG_IGN)
        children.close()
        signal.signal(signal.SIGINT, impatient)
        signal.signal(signal.SIGTERM, previous)


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
