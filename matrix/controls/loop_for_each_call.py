"""A new loop for each call, closed at its end: what a client keeps belongs to a loop that is gone.

Reports: agent-second-call (pydantic-ai), httpx-three-runs, sdk-client-del (openai-python).
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Mapping

from matrix.controls._loop_thread import Pending
from matrix.model import Control, Source

CONTROL = Control(
    "loop_for_each_call",
    summary="a new event loop for each call, closed at its end",
    caught_by=("runs_on_one_loop", "reuses_http_client"),
    harmless=True,
)


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source on a loop in a thread of its own; both end with the call."""
    loop = asyncio.SelectorEventLoop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    pending = Pending(loop)
    loop.call_soon_threadsafe(pending.start, source.run_async(inputs), contextvars.copy_context())
    pending.done.wait()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
    return pending.take()
