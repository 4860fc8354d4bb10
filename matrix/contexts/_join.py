"""How a process that a host starts, a notebook kernel or a server say, gets its part of the job."""

from __future__ import annotations

import sys
from pathlib import Path

from matrix.model import Cell

__all__ = ("ROOT", "joining", "joining_by_name")

ROOT = Path(__file__).resolve().parents[2]
"""What such a process has to find on its path."""


def joining(cell: Cell) -> str:
    """Return code that binds ``job`` and ``cell``."""
    return f"""
from matrix.child import Job
from matrix.model import Cell
job, cell = Job.resume(), Cell.parse({cell.id!r})
"""


def joining_by_name() -> str:
    """Return code for the top of a program: it finds what this process finds, and defines ``part_of(name)``.

    That gives the job and the cell of a name.
    """
    return f"""
import sys
sys.path[:0] = {[str(ROOT), *filter(None, sys.path)]!r}

from matrix.child import Job
from matrix.model import Cell

def part_of(name):
    return Job.resume(), Cell.parse(name)
"""
