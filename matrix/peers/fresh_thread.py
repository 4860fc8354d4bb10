"""A new thread with its own ``asyncio.run`` for each call: the usual repair, and what it costs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping

from matrix.model import Peer, Source

PEER = Peer("fresh_thread", summary="a new thread with asyncio.run() for each call")


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source in a thread of its own; what is raised there is raised here."""
    results: list[Mapping[str, object]] = []
    errors: list[BaseException] = []

    def target() -> None:
        try:
            results.append(asyncio.run(source.run_async(inputs)))
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            errors.append(error)

    thread = threading.Thread(target=target)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]
