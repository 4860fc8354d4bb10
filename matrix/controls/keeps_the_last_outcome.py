"""Keeps the last outcome for debugging: the result, or the exception with all its frames, stays alive."""

from __future__ import annotations

from collections.abc import Mapping

from matrix.controls._right import right
from matrix.model import Control, Source

CONTROL = Control(
    "keeps_the_last_outcome",
    summary="keeps the last result and the last exception in a variable",
    caught_by=("frees_results_and_exceptions",),
    harmless=True,
)

_last: list[object] = []


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source; remember what became of it."""
    try:
        _last[:] = [right(source, inputs)]
    except BaseException as error:
        _last[:] = [error]
        raise
    outputs = _last[0]
    assert isinstance(outputs, Mapping)
    return outputs
