"""A loop thread in asyncio's debug mode, which tracks where coroutines come from and checks every thread."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from agent_runtime.bridge import Bridge
from matrix.controls._right import WITHOUT, right
from matrix.model import Control, Source

CONTROL = Control(
    "debug_loop",
    summary="runs the work on a loop in debug mode",
    passes=("returns_a_value_for_every_call", "frees_results_and_exceptions", "leaves_no_footprint"),
    without=WITHOUT,
    harmless=True,
)


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source under asyncio's own eyes."""
    return right(source, inputs, bridge=_bridge)


def _new_loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.SelectorEventLoop()  # asking the policy for one would make a policy, which is a footprint
    loop.set_debug(True)
    return loop


_bridge = Bridge(loop_factory=_new_loop, name="debug")
