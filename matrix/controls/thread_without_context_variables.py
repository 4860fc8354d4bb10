"""A bare thread with ``asyncio.run``: the caller's context variables stay behind.

Reports: task-thread-ctx (crewAI), otel-pool (OpenTelemetry), langchain-pools.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from matrix.model import Control, Source

CONTROL = Control(
    "thread_without_context_variables",
    summary="asyncio.run() in a pool's thread, without the caller's context variables",
    caught_by=("keeps_context_variables", "keeps_context_variables_in_llm_calls"),
    harmless=True,
)


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source in a pool of one thread, as most answers to the question say."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(asyncio.run, source.run_async(inputs)).result()
