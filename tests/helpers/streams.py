"""Reading streams of events in tests: from sync code and from async code, to the end or not."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Iterator

import pytest

from agent_runtime import Runtime, StepEvent, StreamEvent
from agent_runtime.bridge import run_sync

__all__ = (
    "CHAIN",
    "LIMIT",
    "ONE",
    "WAYS",
    "Sleeper",
    "Stream",
    "Way",
    "after",
    "asynchronous",
    "bridge_is_quiet",
    "fan_out",
    "kinds",
    "nothing",
    "sync",
    "through_async_for",
    "until_error",
)

LIMIT = 20.0
"""Seconds that a test waits for what takes milliseconds."""

CHAIN = """
name: chain
steps:
  - {id: first, tool: first}
  - {id: second, tool: second, needs: [first]}
"""
ONE = "name: one\nsteps:\n  - {id: act, tool: act}\n"

Stream = Generator[StreamEvent, None, None]


class Sleeper:
    """A tool that waits until it is cancelled, and then cleans up for a moment."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.cleaned: list[str] = []

    async def __call__(self) -> None:
        try:
            self.began.set()
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.02)
            self.cleaned.append(threading.current_thread().name)


async def nothing() -> None:
    """Do nothing."""


def through_async_for(events: AsyncGenerator[StreamEvent, None]) -> Stream:
    """Read an async stream with one ``async for`` on a loop of its own, and give what it gave."""
    read: list[StreamEvent] = []

    async def main() -> None:
        async with contextlib.aclosing(events):
            async for event in events:
                read.append(event)  # noqa: PERF401 - a comprehension would lose them when it raises

    try:
        asyncio.run(main())
    finally:
        yield from read


def sync(text: str, **tools: Callable[..., object]) -> Stream:
    return Runtime(text, tools=tools).stream()


def asynchronous(text: str, **tools: Callable[..., object]) -> Stream:
    return through_async_for(Runtime(text, tools=tools).stream_async())


WAYS = pytest.mark.parametrize("way", [pytest.param(sync, id="sync"), pytest.param(asynchronous, id="async")])
Way = Callable[..., Stream]


def kinds(events: Iterator[StreamEvent]) -> list[str]:
    """Return what happened, in short: the class, and the step if there is one."""
    return [
        f"{type(event).__name__} {event.step}" if isinstance(event, StepEvent) else type(event).__name__
        for event in events
    ]


def until_error(stream: Stream) -> tuple[list[StreamEvent], BaseException]:
    """Read a stream that fails; return its events, and what came out of it."""
    events: list[StreamEvent] = []
    try:
        for event in stream:
            events.append(event)  # noqa: PERF402 - the events before the exception are what is asked for
    except BaseException as error:
        return events, error
    raise AssertionError("the stream ended without an exception")


def after(stream: Stream, kind: type[StreamEvent]) -> StreamEvent:
    """Read a stream up to the first event of a kind."""
    return next(event for event in stream if isinstance(event, kind))


def fan_out(count: int) -> str:
    """Return a workflow of so many steps that wait for nothing."""
    return "name: many\nsteps:\n" + "".join(f"  - {{id: s{n}, tool: act}}\n" for n in range(count))


def bridge_is_quiet() -> None:
    """Wait until the loop has done all that was ready, several times over."""

    async def turns() -> None:
        for _ in range(1_000):
            await asyncio.sleep(0)

    run_sync(turns)
