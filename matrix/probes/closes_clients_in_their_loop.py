"""Closing a runtime ends what its steps hold, clients and async generators, on the loop that made them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator

from matrix.model import OpenSession, Probe, Session, Source, expect
from matrix.probes._sessions import Wrapped

PROBE = Probe(
    "closes_clients_in_their_loop",
    claim="close() has clients and async generators of steps in progress closed on the loop that made them",
    promise="S18",
    session=True,
)

_TEXT = """
name: clients
steps:
  - id: first
    tool: first
  - id: hold
    tool: hold
"""


class _Work:
    """A step that holds a client and reads an async generator when it is cut off."""

    def __init__(self) -> None:
        self.holds = asyncio.Event()
        self.seen: list[str] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    async def first(self) -> None:
        await self.holds.wait()

    async def hold(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with self._client(), contextlib.aclosing(self._rows()) as rows:
            async for _ in rows:
                self.holds.set()
                await asyncio.Event().wait()

    @contextlib.asynccontextmanager
    async def _client(self) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await self._note("client")

    async def _rows(self) -> AsyncGenerator[int, None]:
        try:
            yield 1
        finally:
            await self._note("generator")

    async def _note(self, what: str) -> None:
        await asyncio.sleep(0)
        same = asyncio.get_running_loop() is self._loop
        self.seen.append(f"{what} closed {'on its loop' if same else 'elsewhere'}")


def check(open_session: OpenSession) -> None:
    work = _Work()
    session = open_session(Source(_TEXT, tools={"first": work.first, "hold": work.hold}))

    items = session.stream({})
    next(items)
    session.close()
    seen = [*work.seen]

    wanted = ["generator closed on its loop", "client closed on its loop"]
    expect(got=seen, wanted=wanted, of="what close() had seen to when it returned")


def broken(open_session: OpenSession) -> OpenSession:
    """Close nothing: leave the clients to the end of the process, whichever thread comes by then."""

    class Hasty(Wrapped):
        def close(self) -> None:
            pass

    def call(source: Source) -> Session:
        return Hasty(open_session(source))

    return call
