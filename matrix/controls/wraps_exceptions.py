"""Raises an error of its own from the step's: whoever catches the step's catches nothing."""

from __future__ import annotations

from collections.abc import Mapping

from matrix.controls._right import right
from matrix.model import Control, Source

CONTROL = Control(
    "wraps_exceptions",
    summary="raises an error of its own in place of the step's, which becomes its cause",
    caught_by=("raises_the_steps_own_exception", "never_returns_a_failure"),
    harmless=True,
)


class BridgeFailedError(Exception):
    """What everything is wrapped in."""


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source; let nothing out but our own errors."""
    try:
        return right(source, inputs)
    except Exception as error:
        raise BridgeFailedError(str(error)) from error
