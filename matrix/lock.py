"""The lock: every cell of the gate in a file, so that none disappears, or ceases to mean anything, unseen.

One line for each target, context and probe, with its entry points in braces, as a shell would expand them::

    agent_runtime/{executor_run,run_workflow,runtime_run}/plain_script/times_out
    control/{run_workflow}/fastapi_sync_route/cancels_on_ctrl_c  skip

``skip`` marks cells that mean nothing where they stand; these marks are compared on the system that the
file was written for, since a probe may mean nothing on another one. That a context does not exist in an older
Python is no such mark, so the lock is the same for every version.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

from matrix.broken import BrokenMatrixError
from matrix.cells import Selection, select
from matrix.model import Cell
from matrix.objection import Fault, Objection
from matrix.patterns import patterns_of
from matrix.plan import means_nothing
from matrix.registry import BUILT_IN

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from matrix.registry import Registry

__all__ = ("LOCK_COMMAND", "LockError", "lock_objections", "lock_of", "lock_text")

LOCK_COMMAND = "python -m matrix lock --write"
HEADING = f"# Every cell of the gate. After a change of contexts, entry points or probes: {LOCK_COMMAND}\n"
SYSTEM = f"# The skips are those on {sys.platform}.\n"
LINE = re.compile(r"([^/{}\s]+)/\{([^/{}\s]+)\}/([^/{}\s]+)/([^/{}\s]+)( {2}skip)?")


class LockError(BrokenMatrixError):
    """The file is not a lock, or holds a line that is not one of a lock's."""


@dataclass(frozen=True)
class Locked:
    """What the lock says of one cell: in which line, and whether it means nothing where it stands."""

    line: int
    skip: bool


def lock_of(registry: Registry) -> Path:
    """Return where the lock of a registry is, or would be."""
    return registry.root / "cells.lock"


def lock_text(registry: Registry) -> str:
    """Return the lock as it should be now."""
    cells = {cell: means_nothing(registry, cell) is not None for cell in select(registry, Selection())}
    return HEADING + SYSTEM + _folded(cells)


def lock_objections(registry: Registry, path: Path | None = None) -> list[Objection]:
    """Return where a lock and the cells of the gate differ, in as few sentences as it takes.

    Without ``path`` it is the registry's own lock; one that is not built in may do without.

    Raises:
        LockError: the file is not a lock; the error names the line.
    """
    if path is None:
        path = lock_of(registry)
        if not path.exists() and registry.root != BUILT_IN.resolve():
            return []
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    now = lock_text(registry)
    if text == now:
        return []
    locked, present = _parsed(path, text), _parsed(path, now)
    if SYSTEM not in text:
        locked = {cell: replace(one, skip=False) for cell, one in locked.items()}
        present = {cell: replace(one, skip=False) for cell, one in present.items()}
    shared = locked.keys() & present.keys()
    silent = [cell for cell in shared if present[cell].skip and not locked[cell].skip]
    heard = [cell for cell in shared if locked[cell].skip and not present[cell].skip]
    gone, new = locked.keys() - present.keys(), present.keys() - locked.keys()
    every = locked.keys() | present.keys()
    found = []
    for fault, cells, text, lines in (
        (Fault.VANISHED, gone, "gone", locked),
        (Fault.VANISHED, silent, "skipped now, and no skip in the lock", locked),
        (Fault.UNLOCKED, heard, "runs now, and a skip in the lock", locked),
        (Fault.UNLOCKED, new, "not in the lock", present),
    ):
        for pattern, own in patterns_of(sorted(cells), others=every, any_probe=True).items():
            what = pattern if len(own) == 1 else f"{pattern} ({len(own)} cells)"
            line = min(lines[cell].line for cell in own)
            remedy = "bring it back" if fault is Fault.VANISHED else "look at it"
            write = f"{remedy}, or accept it with: {LOCK_COMMAND}"
            found.append(Objection(fault, path, line, f"{text}: {what}", write))
    return found


def _folded(cells: Mapping[Cell, bool]) -> str:
    """Return a line for each target, probe and context, sorted in this order."""
    ordered = sorted(cells, key=lambda cell: (*_place(cell), cell.entry_point))
    lines = []
    for (target, probe, context), group in groupby(ordered, key=_place):
        alike = list(group)
        names = ",".join(cell.entry_point for cell in alike)
        mark = "  skip" if cells[alike[0]] else ""
        lines.append(f"{target}/{{{names}}}/{context}/{probe}{mark}\n")
    return "".join(lines)


def _place(cell: Cell) -> tuple[str, str, str]:
    return (cell.target, cell.probe, cell.context)


def _parsed(path: Path, text: str) -> dict[Cell, Locked]:
    """Return what each line says, unfolded."""
    found: dict[Cell, Locked] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        parts = LINE.fullmatch(line)
        if parts is None:
            raise LockError(
                f"{path}:{number}: {line!r} is no line of a lock; write it anew with: {LOCK_COMMAND}"
            )
        target, names, context, probe, skip = parts.groups()
        for name in names.split(","):
            found[Cell(target, name, context, probe)] = Locked(number, skip is not None)
    return found
