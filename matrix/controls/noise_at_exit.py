"""Leaves an exit hook that finds things gone and says so, when nobody can do anything about it.

Report: session-del (CPython): "Exception ignored ... Event loop is closed" on stderr, at the very end.
"""

from __future__ import annotations

import asyncio
import atexit
import functools
from collections.abc import Mapping

from matrix.controls._right import right
from matrix.model import Control, Source

CONTROL = Control(
    "noise_at_exit",
    summary="leaves an exit hook that fails, with a traceback on stderr",
    caught_by=("works_at_the_end_of_the_process",),
)


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source; tidy up when the process ends."""
    _tidy_up_at_exit()
    return right(source, inputs)


@functools.cache
def _tidy_up_at_exit() -> None:
    atexit.register(lambda: asyncio.get_running_loop().stop())
