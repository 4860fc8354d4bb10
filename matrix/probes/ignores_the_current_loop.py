"""A closed loop that somebody left as this thread's current one does not matter, and stays there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from matrix.model import Expected, Probe, Run, Source, expect
from matrix.probes._failing import failing

PROBE = Probe(
    "ignores_the_current_loop",
    claim="a call works whatever loop is set as current, a closed one too, and leaves it set",
    promise="S19",
)


def check(run: Run) -> None:
    with _closed_current_loop() as closed:
        try:
            outputs = run(failing(lambda: "well", "async def"), {})
        except RuntimeError as error:
            raise Expected(of="the call", wanted="a result", got=repr(error)) from error
        after = _local_loop()

    expect(got=outputs["value"], wanted="well", of="result")
    expect(got=after is closed, wanted=True, of="whether the closed loop is still the current one")


@contextmanager
def _closed_current_loop() -> Iterator[asyncio.AbstractEventLoop]:
    before = _local_loop()
    closed = asyncio.SelectorEventLoop()
    closed.close()
    asyncio.set_event_loop(closed)
    try:
        yield closed
    finally:
        asyncio.set_event_loop(before)


def _local_loop() -> asyncio.AbstractEventLoop | None:
    """Return what set_event_loop() was last given in this thread; asking openly may make a loop."""
    policy = getattr(asyncio.events, "_event_loop_policy", None)
    loop = getattr(getattr(policy, "_local", None), "_loop", None)
    return loop if isinstance(loop, asyncio.AbstractEventLoop) else None


def broken(run: Run) -> Run:
    """Rely on the current loop, as everything with ``get_event_loop()`` does."""

    def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
        loop = _local_loop()
        if loop is not None and loop.is_closed():
            raise RuntimeError("Event loop is closed")
        return run(source, inputs)

    return call
