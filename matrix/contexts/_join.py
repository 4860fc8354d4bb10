"""How a process that a host starts, a notebook kernel say, gets its part of the job."""

from __future__ import annotations

from pathlib import Path

from matrix.model import Cell

__all__ = ("ROOT", "joining")

ROOT = Path(__file__).resolve().parents[2]
"""What such a process has to find on its path."""


def joining(cell: Cell) -> str:
    """Return code that binds ``job`` and ``cell``."""
    return f"""
from matrix.child import Job
from matrix.model import Cell
job, cell = Job.resume(), Cell.parse({cell.id!r})
"""
