"""A new loop for each call that nobody closes: three descriptors each, until there are no more.

Report: opcua-fds (opcua-asyncio): "Too many open files".
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from matrix.controls._right import right
from matrix.model import Control, Source

CONTROL = Control(
    "loop_never_closed",
    summary="makes an event loop for each call, in case none runs, and never closes it",
    caught_by=("leaks_no_threads_or_descriptors",),
)

_loops: list[asyncio.AbstractEventLoop] = []


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Have a loop at hand, whatever the call needs."""
    _loops.append(asyncio.SelectorEventLoop())
    return right(source, inputs)
