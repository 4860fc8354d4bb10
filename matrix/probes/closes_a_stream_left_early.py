"""Leaving the loop over a stream ends its work: cancelled, cleaned up, before the next statement."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping

from matrix.model import Item, OpenSession, Probe, Session, Source, expect
from matrix.probes._sessions import Wrapped

PROBE = Probe(
    "closes_a_stream_left_early",
    claim="leaving a stream early cancels its work and waits for the cleanup before the next statement runs",
    promise="S16",
    session=True,
)

_TEXT = """
name: left early
steps:
  - id: first
    tool: first
  - id: endless
    tool: endless
"""


class _Work:
    """A step that ends, and one that waits for something that never comes."""

    def __init__(self) -> None:
        self.endless_began = asyncio.Event()
        self.tasks: list[object] = []

    async def first(self) -> str:
        await self.endless_began.wait()
        return "first"

    async def endless(self) -> None:
        self.tasks.append(asyncio.current_task())
        self.endless_began.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)  # a cleanup that takes a while, as closing a connection does
            self.tasks.append(asyncio.current_task())


def check(open_session: OpenSession) -> None:
    work = _Work()
    session = open_session(Source(_TEXT, tools={"first": work.first, "endless": work.endless}))

    for item in session.stream({}):
        first = item
        break
    tasks = [*work.tasks]

    expect(got=first, wanted=Item("first", "first"), of="the first item")
    expect(got=len(tasks), wanted=2, of="beginnings and ends of the step that was in progress")
    expect(got=tasks[0] is tasks[1], wanted=True, of="whether it was cleaned up in its own task")
    session.close()


def broken(open_session: OpenSession) -> OpenSession:
    """Leave the work to whoever comes by, as a generator does that somebody else still holds."""
    held: list[Iterator[Item]] = []

    class Held(Wrapped):
        def stream(self, inputs: Mapping[str, object]) -> Iterator[Item]:
            held.append(self.inner.stream(inputs))
            yield from _Unclosed(held[-1])

    def call(source: Source) -> Session:
        return Held(open_session(source))

    return call


class _Unclosed:
    """An iterator without ``close()``."""

    def __init__(self, items: Iterator[Item]) -> None:
        self._items = items

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        return next(self._items)
