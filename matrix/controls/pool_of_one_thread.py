"""A pool of one thread for all calls: a call inside a call waits for the place that its caller occupies.

Reports: nested-pool (LangChain), single-thread-executor (asgiref), limiter-40 (FastAPI).
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from matrix.model import Control, Source

CONTROL = Control(
    "pool_of_one_thread",
    summary="one pool thread for all calls, so that a call inside a call waits for ever",
    caught_by=("allows_reentry",),
    limit=1.0,
)

_pool = ThreadPoolExecutor(max_workers=1)


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source in the one thread of the pool."""
    context = contextvars.copy_context()
    return _pool.submit(context.run, asyncio.run, source.run_async(inputs)).result()
