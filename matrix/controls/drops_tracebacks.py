"""Raises the step's exception without the frames it came through, so that nobody learns where it failed.

Reports: plumbing-frames (agentlys), errors-lost-in-ui (any-llm).
"""

from __future__ import annotations

from collections.abc import Mapping

from matrix.controls._right import right
from matrix.model import Control, Source

CONTROL = Control(
    "drops_tracebacks",
    summary="cuts the traceback off, frames of the user's own code included",
    caught_by=("ends_traceback_in_user_code",),
    harmless=True,
)


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source; spare the reader our frames."""
    try:
        return right(source, inputs)
    except Exception as error:  # noqa: BLE001 - raised again, which is the mistake
        raise error.with_traceback(None) from error.__cause__
