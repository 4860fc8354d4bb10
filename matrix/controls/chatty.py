"""Logs and prints what it does, and puts the outputs into a mapping of another class."""

from __future__ import annotations

import logging
import sys
import types
from collections.abc import Mapping

from matrix.controls._right import WITHOUT, right
from matrix.model import Control, Source

CONTROL = Control(
    "chatty",
    summary="logs, prints, and returns the outputs in a mapping that is no dict",
    passes=("returns_the_async_value", "returns_a_value_for_every_call", "leaves_no_footprint"),
    without=(*WITHOUT, "works_at_the_end_of_the_process"),  # which is to be quiet
    harmless=True,
)


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source and talk about it."""
    logging.getLogger(__name__).info("calling with %d inputs", len(inputs))
    print("calling", file=sys.stderr)
    return types.MappingProxyType({**right(source, inputs)})
