"""The list that carries the exception between threads, and the frame that raises from it, hold each other."""

from __future__ import annotations

from collections.abc import Mapping

from matrix.controls._right import right
from matrix.model import Control, Source

CONTROL = Control(
    "exception_in_a_cycle",
    summary="raises from a list that its own frame keeps: freed by the collector only",
    caught_by=("frees_results_and_exceptions",),
    harmless=True,
)


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source, collect what comes, then open it."""
    results: list[Mapping[str, object]] = []
    errors: list[Exception] = []
    try:
        results.append(right(source, inputs))
    except Exception as error:  # noqa: BLE001 - raised again below
        errors.append(error)
    if errors:
        raise errors[0]
    return results[0]
