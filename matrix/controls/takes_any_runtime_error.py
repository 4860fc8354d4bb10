"""Takes any ``RuntimeError`` for "a loop runs here" and runs the work again: a step that fails so runs twice.

Report: errors-lost-in-ui (any-llm): the real error is replaced by noise of the machinery.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from matrix.controls._right import right
from matrix.model import Control, Source

CONTROL = Control(
    "takes_any_runtime_error",
    summary="takes a step's own RuntimeError for the bridge's, and runs the work a second time",
    caught_by=("raises_the_steps_own_exception",),
    harmless=True,
)


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source; once more if the first way is refused."""
    with contextlib.suppress(RuntimeError):
        return right(source, inputs)
    return right(source, inputs)
