"""A new thread with its own ``asyncio.run`` for each call: the usual repair, and what it costs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import Any, TypeVar

from matrix.model import Item, Peer, Source

PEER = Peer("fresh_thread", summary="a new thread with asyncio.run() for each call")

T = TypeVar("T")


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source in a thread of its own; what is raised there is raised here."""
    return _in_a_fresh_thread(lambda: source.run_async(inputs))


def stream(source: Source, inputs: Mapping[str, object]) -> Iterator[Item]:
    """Ask for each item in a thread of its own; the first ``asyncio.run()`` closes the generator."""
    items = source.stream_async(inputs)

    async def next_item() -> Item | None:
        return await anext(items, None)

    while (item := _in_a_fresh_thread(next_item)) is not None:
        yield item


def _in_a_fresh_thread(make: Callable[[], Coroutine[Any, Any, T]]) -> T:
    results: list[T] = []
    errors: list[BaseException] = []

    def target() -> None:
        try:
            results.append(asyncio.run(make()))
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            errors.append(error)

    thread = threading.Thread(target=target)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]
