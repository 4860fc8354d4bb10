"""What a signal handler raises while a thread waits has no context of ours: an empty inbox is no error."""

from __future__ import annotations

import pytest

from tests.helpers.children import run_child

_INTERRUPTED = """
import asyncio, queue, sys
from agent_runtime.bridge import Bridge
bridge = Bridge()
async def work(seconds, cleanup=0):
    try: await asyncio.sleep(seconds)
    finally: await asyncio.sleep(cleanup)
async def leave(cleanup):
    global left
    left = asyncio.ensure_future(work(60, cleanup)); await asyncio.sleep(0)
def interrupt(frame, event, argument):  # where Python would look for a signal
    if event == "call" and isinstance(sys.exception(), queue.Empty): raise KeyboardInterrupt
def watched(wait):
    sys.settrace(interrupt)
    try: wait(); print("nothing of ours is being handled where a function is called")
    except KeyboardInterrupt as error: print(repr(error.__context__))
    finally: sys.settrace(None)
"""

_WELL = "nothing of ours is being handled where a function is called"


@pytest.mark.parametrize(
    "wait",
    [
        pytest.param("watched(lambda: bridge.run_sync(work, 0.3))", id="call"),
        pytest.param("bridge.run_sync(leave, 0.3); watched(bridge.close)", id="close"),
        pytest.param(
            "from agent_runtime.bridge import process; bridge.run_sync(leave, 2.5); watched(process._retire)",
            id="exit",
        ),
    ],
)
def test_nothing_is_being_handled_where_a_wait_looks_for_signals(wait: str) -> None:
    assert run_child(_INTERRUPTED + wait).check().lines == [_WELL]
