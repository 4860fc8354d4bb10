"""How a process that the situation starts, a notebook kernel say, gets to judge: it imports this script."""

from __future__ import annotations

import sys
from pathlib import Path

from matrix.repro.inside.words import Cell

__all__ = ("ROOT", "joining", "joining_by_name")

ROOT = Path(__file__).resolve().parent


def joining(cell: Cell) -> str:
    """Return code that binds ``job`` and ``cell``."""
    return f"""
import importlib.util, sys
spec = importlib.util.spec_from_file_location("repro", {__file__!r})
script = sys.modules["repro"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(script)
job, cell = script.Job(), script.CELL
# {cell.id}
"""


def joining_by_name() -> str:
    """Return code for the top of a program: it finds what this process finds, and defines ``part_of(name)``.

    That gives the job and the cell, of which there is one.
    """
    return f"""
import importlib.util, sys
sys.path[:0] = {[str(ROOT), *filter(None, sys.path)]!r}
spec = importlib.util.spec_from_file_location("repro", {__file__!r})
script = sys.modules["repro"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(script)

def part_of(name):
    return script.Job(), script.CELL
"""
