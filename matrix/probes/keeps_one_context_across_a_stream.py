"""The steps of a stream see one context on one loop, whatever the reader does between two items."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Iterator, Mapping

from matrix.model import Item, OpenSession, Probe, Session, Source, expect
from matrix.probes._sessions import Wrapped

PROBE = Probe(
    "keeps_one_context_across_a_stream",
    claim="every step of a stream sees the caller's context variables as they were when it was called",
    promise="S16",
    session=True,
)

_TEXT = """
name: one context
steps:
  - id: async_def
    tool: in_async_def
  - id: def
    function: in_def
    needs: [async_def]
  - id: last
    tool: in_async_def
    needs: [def]
"""

_tenant: contextvars.ContextVar[str] = contextvars.ContextVar("tenant", default="nobody")


def check(open_session: OpenSession) -> None:
    loops: list[asyncio.AbstractEventLoop] = []

    async def in_async_def() -> str:
        loops.append(asyncio.get_running_loop())
        return _tenant.get()

    source = Source(_TEXT, tools={"in_async_def": in_async_def}, functions={"in_def": _tenant.get})
    session = open_session(source)
    token = _tenant.set("of the caller")
    try:
        items = _read(session)
    finally:
        _tenant.reset(token)

    wanted = [Item(step, "of the caller") for step in ("async_def", "def", "last")]
    expect(got=items, wanted=wanted, of="the tenant in each step")
    expect(got=[loop is loops[0] for loop in loops], wanted=[True, True], of="whether the loop was the same")
    session.close()


def _read(session: Session) -> list[Item]:
    """Read a stream, and change the variable after each item."""
    items = []
    for item in session.stream({}):
        items.append(item)
        _tenant.set("of the reader, later")
    return items


def broken(open_session: OpenSession) -> OpenSession:
    """Ask for each item in an empty context, as a thread of a pool has it."""

    class Forgetful(Wrapped):
        def stream(self, inputs: Mapping[str, object]) -> Iterator[Item]:
            items = contextvars.Context().run(self.inner.stream, inputs)
            while (item := contextvars.Context().run(next, items, None)) is not None:
                yield item

    def call(source: Source) -> Session:
        return Forgetful(open_session(source))

    return call
