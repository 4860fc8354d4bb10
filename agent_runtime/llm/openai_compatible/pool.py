"""The connections of one client on one event loop, and how long each question may wait for them."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Awaitable
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import httpx

__all__ = ("OutOfTimeError", "Patience", "Pool", "PoolClosedError")

T = TypeVar("T")


class PoolClosedError(Exception):
    """The client was closed. Never leaves this folder."""


class OutOfTimeError(Exception):
    """The time for the whole question is up. Never leaves this folder."""


class Pool:
    """The connections of one client on one event loop; used on that loop only.

    Attributes:
        transport: what sends requests.
        closed: whether no more requests may be sent; any thread may say so.
        process: id of the process that it was made in.
    """

    def __init__(self, transport: httpx.AsyncHTTPTransport, size: int) -> None:
        self.transport = transport
        self.closed = False
        self.process = os.getpid()
        # Ours, and not httpx's own queue: what waits there goes on after the transport has been closed.
        self.places = asyncio.Semaphore(size)
        self._waits: set[asyncio.Timeout] = set()

    async def within(self, seconds: float | None, awaitable: Awaitable[T]) -> T:
        """Await something for so long at most, and no longer than the pool is open.

        Raises:
            OutOfTimeError: the time is up; what was awaited has been cancelled.
            PoolClosedError: the pool has been closed; what was awaited has been cancelled.
            BaseException: whatever it raised.
        """
        limit = asyncio.timeout(0 if self.closed else seconds)
        try:
            async with limit:
                self._waits.add(limit)
                return await awaitable
        except TimeoutError:
            if not limit.expired():
                raise
        finally:
            self._waits.discard(limit)
        raise PoolClosedError if self.closed else OutOfTimeError

    async def close(self) -> None:
        """End what is in progress, and close the connections."""
        self.closed = True
        for limit in tuple(self._waits):
            with contextlib.suppress(RuntimeError):  # that one is ending already
                limit.reschedule(0)
        await self.transport.aclose()


class Patience:
    """How many seconds are left for one question; only waits for the server count.

    Args:
        pool: where the question is asked; when that is closed, every wait ends.
        seconds: how long it may take; None for no limit.
    """

    def __init__(self, pool: Pool, seconds: float | None) -> None:
        self.pool = pool
        self.left = seconds

    async def within(self, awaitable: Awaitable[T]) -> T:
        """Await something as long as there is time.

        Raises:
            OutOfTimeError: the time is up.
            PoolClosedError: the client has been closed.
            BaseException: whatever it raised.
        """
        started = monotonic()
        try:
            return await self.pool.within(self.left, awaitable)
        finally:
            if self.left is not None:
                self.left = max(self.left - (monotonic() - started), 0.0)
