"""Everything that comes back has become text on the way."""

from __future__ import annotations

from collections.abc import Mapping

from matrix.controls._right import right
from matrix.model import Control, Source

CONTROL = Control(
    "returns_text",
    summary="returns each output as text, as what a model reads",
    caught_by=("returns_the_async_value",),
    harmless=True,
)


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source; return what can be shown of its outputs."""
    return {name: str(value) for name, value in right(source, inputs).items()}
