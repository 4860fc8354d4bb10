"""What hosts and cells cost, as a run has measured it: ``costs.json`` beside the registry."""

from __future__ import annotations

import json
import statistics
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from matrix.batch import CELL, HOST_WITH_PACKAGES, PLAIN_HOST

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from matrix.batch import Batch
    from matrix.recorded import Recorded
    from matrix.registry import Registry

__all__ = ("Costs", "costs_of")


@dataclass(frozen=True)
class Costs:
    """Seconds, as medians of a run.

    Attributes:
        hosts: from the start of a host to its first cell, by context.
        cells: of a cell, by ``TARGET/PROBE``; the usual ones are left out.
    """

    hosts: Mapping[str, float] = field(default_factory=dict)
    cells: Mapping[str, float] = field(default_factory=dict)

    def of(self, batch: Batch) -> float:
        """Return how many seconds a host will take; a guess where nothing was measured."""
        usual = HOST_WITH_PACKAGES if batch.context.requires else PLAIN_HOST
        cells = sum(self.cells.get(f"{cell.target}/{cell.probe}", CELL) for cell in batch.cells)
        return self.hosts.get(batch.context.name, usual) + cells

    @classmethod
    def measured(cls, run: Recorded) -> Costs:
        """Return what the cells of a run have cost."""
        hosts, cells = defaultdict(list), defaultdict(list)
        for record in run.records:
            entered, seconds = record.get("entered"), record.get("seconds")
            if isinstance(entered, float) and entered:
                hosts[str(record.get("context"))].append(entered)
            if isinstance(seconds, float) and record.get("host"):
                cells[f"{record.get('target')}/{record.get('probe')}"].append(seconds)
        medians = {name: round(statistics.median(found), 2) for name, found in sorted(cells.items())}
        return cls(
            {name: round(statistics.median(found), 2) for name, found in sorted(hosts.items())},
            # What costs about as much as any other cell need not be written down.
            {name: median for name, median in medians.items() if median >= 2 * CELL},
        )

    def as_text(self) -> str:
        """Return this as the file holds it."""
        return json.dumps({"hosts": self.hosts, "cells": self.cells}, indent=1) + "\n"

    @classmethod
    def read(cls, path: Path) -> Costs:
        """Return the costs in a file; guesses for all where there is none.

        Raises:
            ValueError: the file holds something else.
        """
        if not path.is_file():
            return cls()
        write = "write it anew with: python -m matrix costs RESULTS --write"
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            found = cls(**{name: {key: float(value) for key, value in data[name].items()} for name in data})
        except (ValueError, TypeError, AttributeError) as error:
            raise ValueError(f"{path}: not what hosts and cells cost: {error}; {write}") from error
        return found


def costs_of(registry: Registry) -> Path:
    """Return where the costs of a registry are, or would be."""
    return registry.root / "costs.json"
