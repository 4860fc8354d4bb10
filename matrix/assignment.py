"""What a host is told: one JSON file, named by one environment variable that every descendant inherits."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from matrix.model import Cell

__all__ = ("VARIABLE", "Assignment")

VARIABLE = "MATRIX_JOB"


@dataclass(frozen=True)
class Assignment:
    """The job of one host.

    Attributes:
        address: where the supervisor listens.
        token: proves that a message belongs to this job.
        root: folder that holds the registries.
        context: name of the context to host.
        cells: the cells to perform, in order.
        instrumented: whether the host's processes tell of their threads and tasks when they are asked.
    """

    address: str
    token: str
    root: str
    context: str
    cells: tuple[Cell, ...]
    instrumented: bool = False

    def write(self, path: Path) -> None:
        """Write this assignment where only this user can read it."""
        with open(path, "x", encoding="utf-8", opener=_private) as file:
            json.dump(asdict(self), file)

    @classmethod
    def read(cls) -> Assignment:
        """Return the assignment that this process inherited.

        Raises:
            LookupError: this process does not descend from a host of the matrix.
        """
        path = os.environ.get(VARIABLE)
        if path is None:
            raise LookupError(
                f"{VARIABLE} is not set: this process was not started by a host of the matrix;"
                " start hosts with `python -m matrix run`"
            )
        data = json.loads(Path(path).read_text(encoding="utf-8"))
        return cls(**{**data, "cells": tuple(Cell(**cell) for cell in data["cells"])})


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
