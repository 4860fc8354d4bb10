"""A stream gives each item as soon as there is one, while the work for the next still goes on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping

from matrix.model import Item, OpenSession, Probe, Session, Source, expect
from matrix.probes._sessions import Wrapped

PROBE = Probe(
    "streams_items_as_they_are_produced",
    claim="an item of a stream is there while the step after it still waits for something of the reader",
    promise="S16",
    session=True,
)

_TICK = 0.02
_TICKS = 20
"""The second step's patience: counted wake-ups of its loop, not time, so that a busy machine that stops
the whole process for a while takes no more than one of them. A reader needs less than one."""

_TEXT = """
name: two items
steps:
  - id: first
    tool: first
  - id: second
    tool: second
    needs: [first]
"""


class _Work:
    """Two steps, of which the second one wants to know that the item of the first one has been read."""

    def __init__(self) -> None:
        self.read = threading.Event()

    async def first(self) -> str:
        return "first"

    async def second(self) -> str:
        for _ in range(_TICKS):
            if self.read.is_set():
                return "read before the second ended"
            await asyncio.sleep(_TICK)
        return "nobody has read the first item"


def check(open_session: OpenSession) -> None:
    work = _Work()
    session = open_session(Source(_TEXT, tools={"first": work.first, "second": work.second}))
    items = []

    for item in session.stream({}):
        items.append(item)
        work.read.set()

    expect(
        got=items,
        wanted=[Item("first", "first"), Item("second", "read before the second ended")],
        of="items of the stream",
    )
    session.close()


def broken(open_session: OpenSession) -> OpenSession:
    """Collect everything, and hand it out in the end, as a sync call that returns a list does."""

    class Collected(Wrapped):
        def stream(self, inputs: Mapping[str, object]) -> Iterator[Item]:
            return iter(list(self.inner.stream(inputs)))

    def call(source: Source) -> Session:
        return Collected(open_session(source))

    return call
