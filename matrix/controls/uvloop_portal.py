"""A loop thread with uvloop, whose frames, futures and processes are not those of asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from agent_runtime.bridge import Bridge
from matrix.controls._right import WITHOUT, right
from matrix.model import Control, Source

CONTROL = Control(
    "uvloop_portal",
    summary="runs the work on a uvloop loop, wherever the caller is",
    passes=("ends_traceback_in_user_code", "survives_base_exceptions", "starts_processes_in_steps"),
    without=(*WITHOUT, "refuses_a_circular_wait"),  # uvloop does not show what its tasks wait for
    requires=("uvloop",),
    platforms=("linux", "darwin"),
    harmless=True,
)


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source on a loop thread of another make."""
    return right(source, inputs, bridge=_bridge)


def _new_loop() -> asyncio.AbstractEventLoop:
    import uvloop

    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


_bridge = Bridge(loop_factory=_new_loop, name="uvloop")
