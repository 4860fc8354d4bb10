"""A bridge of its own beside the shared one, whose loop thread bears the name of another."""

from __future__ import annotations

from collections.abc import Mapping

from agent_runtime.bridge import Bridge
from matrix.controls._right import WITHOUT, right
from matrix.model import Control, Source

CONTROL = Control(
    "own_bridge",
    summary="a second loop thread beside the shared one, and it is called MainThread",
    passes=(
        "runs_on_one_loop",
        "allows_reentry",
        "leaks_no_threads_or_descriptors",
        "works_in_a_forked_child",
    ),
    without=WITHOUT,
    harmless=True,
)

_bridge = Bridge(name="MainThread")


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source on this SDK's own loop thread."""
    return right(source, inputs, bridge=_bridge)
