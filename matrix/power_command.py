"""``python -m matrix power``: let every probe meet every control, show the table, write it into files."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from matrix.interrupts import Interrupts
from matrix.parent import supervise
from matrix.plan import in_ci, plan
from matrix.power import plan_of, power_of
from matrix.power_report import as_data, as_lines, as_markdown, line_of
from matrix.show import can_show
from matrix.targets import target_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matrix.power import Plan
    from matrix.record import Record
    from matrix.registry import Registry

__all__ = ("power",)


def power(
    registry: Registry,
    *,
    controls: Sequence[str],
    contexts: Sequence[str],
    probes: Sequence[str],
    results: Path,
    jobs: int | None = None,
    as_json: bool = False,
) -> int:
    """Let the chosen probes meet the chosen controls; show and write what they caught; return the exit code.

    Each control has hosts of its own here. Ctrl-C and SIGTERM kill every child, and what is known by then
    is shown.

    Raises:
        SelectionError: a pattern matches no name.
    """
    began = time.monotonic()
    chosen = plan_of(registry, controls=controls, contexts=contexts, probes=probes)
    records, interrupted = _records(registry, chosen, jobs=jobs, quiet=as_json)
    found = power_of(chosen, records, interrupted=interrupted)
    results.mkdir(parents=True, exist_ok=True)
    data = {**as_data(found), "seconds": round(time.monotonic() - began, 3)}
    (results / "power.json").write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
    (results / "power.md").write_text(as_markdown(found), encoding="utf-8")
    if as_json:
        print(json.dumps(data, indent=2))
    else:
        print("\n" + "\n".join(as_lines(found, ascii_only=not can_show(sys.stdout))))
        print(f"{len(records)} cells in {time.monotonic() - began:.0f} s")
    return found.exit_code


def _records(registry: Registry, chosen: Plan, *, jobs: int | None, quiet: bool) -> tuple[list[Record], bool]:
    """Run the cells, with a line for each control that is through; return whether all could run."""
    planned = plan(registry, chosen.cells, ci=in_ci(), apart=True)
    left = Counter(cell.target for cell in chosen.cells)
    controls = {target_of(control): control for control in chosen.controls}
    records: list[Record] = []

    def note(record: Record) -> None:
        target = record.cell.target
        records.append(record)
        left[target] -= 1
        if not quiet and not left[target]:
            own = [one for one in records if one.cell.target == target]
            (row,) = power_of(_only(chosen, target), own).rows
            done = f"[{len(controls) - sum(map(bool, left.values()))}/{len(controls)}]"
            print(f"{done} {line_of(row, ascii_only=not can_show(sys.stdout))}", flush=True)

    for record in planned.settled:
        note(record)
    # One control after the other, so that there is something to read from the first minute on.
    order = {target: place for place, target in enumerate(controls)}
    batches = sorted(planned.batches, key=lambda batch: order[batch.cells[0].target])
    try:
        with Interrupts() as interrupts:
            performed = supervise(batches, root=registry.root, jobs=jobs, interrupts=interrupts)
            with contextlib.closing(performed):
                for record in performed:
                    note(record)
    except KeyboardInterrupt:
        return records, True
    return records, False


def _only(chosen: Plan, target: str) -> Plan:
    return replace(chosen, controls=tuple(one for one in chosen.controls if target_of(one) == target))
