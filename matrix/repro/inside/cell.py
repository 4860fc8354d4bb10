"""What differs from script to script: declared here, written by ``matrix.repro.script``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from matrix.repro.inside.words import Cell

__all__ = ("CELL", "ENTER", "EXIT", "LIMIT", "SITUATION", "check", "host", "plain_call", "under_test")

CELL: Cell
SITUATION: Mapping[str, object]
ENTER: float
EXIT: float
LIMIT: float
check: Callable[[Any], object]
host: Callable[[Any], object]
under_test: Callable[[], Any]
plain_call: Callable[[], Any]
