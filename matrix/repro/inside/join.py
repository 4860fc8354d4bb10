"""How a process that the situation starts, a notebook kernel say, gets to judge: it imports this script."""

from __future__ import annotations

from pathlib import Path

from matrix.repro.inside.words import Cell

__all__ = ("ROOT", "joining")

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
