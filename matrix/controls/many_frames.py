"""Twenty frames of decorators between the caller and the call, as a framework puts them there."""

from __future__ import annotations

from collections.abc import Mapping

from matrix.controls._right import WITHOUT, right
from matrix.model import Control, Source

CONTROL = Control(
    "many_frames",
    summary="passes through twenty frames of wrappers on its way",
    passes=("ends_traceback_in_user_code", "raises_the_steps_own_exception", "frees_results_and_exceptions"),
    without=WITHOUT,
    harmless=True,
)


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source from far down the stack."""
    return _deeper(20, source, inputs)


def _deeper(frames: int, source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    return _deeper(frames - 1, source, inputs) if frames else right(source, inputs)
