"""What differs from script to script: declared here, written by ``matrix.repro.script``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from matrix.repro.inside.words import Cell

__all__ = ("CELL", "ENTER", "EXIT", "LIMIT", "LINKS", "check", "plain_call", "under_test")

CELL: Cell
LINKS: Sequence[tuple[Callable[[Any], object], Mapping[str, object]]]
ENTER: float
EXIT: float
LIMIT: float
check: Callable[[Any], object]
under_test: Callable[[], Any]
plain_call: Callable[[], Any]
