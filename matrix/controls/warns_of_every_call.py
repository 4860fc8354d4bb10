"""Warns of every call in a running loop, however short: what always warns is soon turned off."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Mapping

from matrix.controls._right import right
from matrix.model import Control, Source

CONTROL = Control(
    "warns_of_every_call",
    summary="warns of calls that block the caller's loop for microseconds",
    caught_by=("warns_when_it_blocks_a_loop",),
    context="asyncio_run",
)


class BlockedLoopWarning(RuntimeWarning):
    """Says that a loop stood still."""


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source, and warn wherever a loop runs."""
    if asyncio._get_running_loop() is not None:  # noqa: SLF001 - documented; tells without raising
        warnings.warn("blocked for 1.0 s; await call_async(...) instead", BlockedLoopWarning, stacklevel=2)
    return right(source, inputs)
