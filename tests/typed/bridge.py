"""What mypy and pyright make of the bridge's functions: each line is held by both."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator
from concurrent.futures import Future
from typing import assert_type

from agent_runtime.bridge import Bridge, iterate, run_async, run_sync, submit


async def fetch(url: str, limit: int) -> bytes:
    """Fetch one page."""
    return url.encode()[:limit]


async def averages() -> AsyncGenerator[float, int]:
    """Give the average of what is sent."""
    yield 0.0


async def numbers() -> AsyncIterator[int]:
    """Count."""
    yield 1


def calls(bridge: Bridge) -> None:
    """Call in each way."""
    assert_type(run_sync(fetch, "u", 3), bytes)
    assert_type(submit(fetch, "u", 3), Future[bytes])
    assert_type(bridge.submit(fetch, "u", 3, timeout=1), Future[bytes])
    assert_type(iterate(averages()), Generator[float, int, None])
    assert_type(bridge.iterate(numbers()), Generator[int, None, None])


async def awaits(bridge: Bridge) -> None:
    """Await in each way."""
    assert_type(await run_async(fetch, "u", 3), bytes)
    assert_type(await bridge.run_async(fetch, "u", 3, timeout=1), bytes)
