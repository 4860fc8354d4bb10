"""Bare ``asyncio.run``: right in a script, refused wherever a loop runs already."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping

from matrix.model import Item, Peer, Refused, Source

PEER = Peer("asyncio_run", summary="asyncio.run() on the calling thread")


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source on a loop of its own in the calling thread.

    Raises:
        Refused: a loop runs in this thread already.
    """
    if _a_loop_runs_here():
        raise Refused("asyncio.run() cannot be called from a running event loop")
    return asyncio.run(source.run_async(inputs))


def stream(source: Source, inputs: Mapping[str, object]) -> Iterator[Item]:
    """Ask for each item with an ``asyncio.run()`` of its own; the first one closes the generator.

    Raises:
        Refused: a loop runs in this thread already.
    """
    items = source.stream_async(inputs)

    async def next_item() -> Item | None:
        return await anext(items, None)

    if _a_loop_runs_here():
        raise Refused("asyncio.run() cannot be called from a running event loop")
    while (item := asyncio.run(next_item())) is not None:
        yield item


def _a_loop_runs_here() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
