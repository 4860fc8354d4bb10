"""Outcomes pass through ``concurrent.futures``, which has a ``CancelledError`` of its own."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Mapping

from matrix.controls._right import right
from matrix.model import Control, Source

CONTROL = Control(
    "cancellation_of_another_class",
    summary="raises concurrent.futures.CancelledError in place of a step's own CancelledError",
    caught_by=("survives_base_exceptions",),
    harmless=True,
)


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source; hand its outcome over in a future."""
    future: concurrent.futures.Future[Mapping[str, object]] = concurrent.futures.Future()
    try:
        future.set_result(right(source, inputs))
    except asyncio.CancelledError:
        future.cancel()
    return future.result()
