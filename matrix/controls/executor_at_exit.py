"""Goes through an executor that takes no work once the main thread has ended.

Reports: loop-thread-at-exit (CPython), dask-late-connect: "cannot schedule new futures after shutdown".
"""

from __future__ import annotations

import contextvars
import functools
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from matrix.controls._right import right
from matrix.model import Control, Source

CONTROL = Control(
    "executor_at_exit",
    summary="submits to an executor, which refuses at the end of the process",
    caught_by=("works_at_the_end_of_the_process",),
)


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source from a thread of the pool."""
    return _pool().submit(contextvars.copy_context().run, right, source, inputs).result()


@functools.cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=8)
