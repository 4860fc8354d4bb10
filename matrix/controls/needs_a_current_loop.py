"""Asks for the current loop, which there is in the main thread only, if anywhere.

Reports: streamlit-script-thread, gradio-guidance, wsgi-no-loop, py314-mainthread: "There is no current event
loop in thread".
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from matrix.model import Control, Source

CONTROL = Control(
    "needs_a_current_loop",
    summary="get_event_loop().run_until_complete(): 'There is no current event loop in thread'",
    caught_by=("returns_the_async_value",),
    context="executor_thread",
    harmless=True,
)


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source on the loop that is current here."""
    work = source.run_async(inputs)
    try:
        return asyncio.get_event_loop().run_until_complete(work)
    finally:
        work.close()
