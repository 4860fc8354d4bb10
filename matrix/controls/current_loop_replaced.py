"""Makes its loop the current one of the calling thread, over whatever was there.

Reports: run-clears-slot (CPython), e2e-suite-pollution.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Mapping

from matrix.controls._right import right
from matrix.model import Control, Source

CONTROL = Control(
    "current_loop_replaced",
    summary="sets a loop of its own as the calling thread's current one, and leaves it there",
    caught_by=("leaves_no_footprint", "ignores_the_current_loop"),
)


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """See to it that there is a current loop for whoever asks."""
    asyncio.set_event_loop(_loop())
    return right(source, inputs)


@functools.cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.SelectorEventLoop()
