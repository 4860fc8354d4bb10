"""Takes the first exception out of a group, because callers know how to catch that one."""

from __future__ import annotations

from collections.abc import Mapping

from matrix.controls._right import right
from matrix.model import Control, Source

CONTROL = Control(
    "unpacks_exception_groups",
    summary="raises the first part of an exception group in place of the group",
    caught_by=("raises_the_steps_own_exception",),
    harmless=True,
)


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source; open groups on the way out."""
    try:
        return right(source, inputs)
    except ExceptionGroup as group:
        first = group.exceptions[0]
    raise first
