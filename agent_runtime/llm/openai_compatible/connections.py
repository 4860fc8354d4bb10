"""The connections of one client: a pool for each event loop that asks, closed on that loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, NamedTuple

from agent_runtime.errors import MissingExtraError
from agent_runtime.llm.openai_compatible.options import HTTPOptions
from agent_runtime.llm.openai_compatible.pool import Pool, PoolClosedError

if TYPE_CHECKING:
    import ssl

    import httpx

__all__ = ("Connections",)

_KEEP_ALIVE = 60.0
"""Seconds that an unused connection is kept. Servers keep theirs for 5 to 75; one that they have closed is
noticed before it is used."""

_inherited: list[object] = []
"""Pools that a forked child has from its parent. Their sockets are the parent's as well, and its loop shares
its selector with the child: the collector must not find them."""


class _Held(NamedTuple):
    """A pool, and what closes it when that is closed."""

    pool: Pool
    life: AsyncGenerator[None, None]
    closing: list[asyncio.Task[None]]


class Connections:
    """One pool for each event loop that asks, opened when it first does; threads may share this.

    Each entry is touched on its own loop only, so that nothing needs a lock.

    Args:
        options: how to use HTTP.
        secure: whether the server is asked over TLS.

    Raises:
        MissingExtraError: httpx is not installed.
    """

    def __init__(self, options: HTTPOptions, *, secure: bool) -> None:
        try:
            import httpx
        except ImportError:
            raise MissingExtraError("OpenAICompatibleClient", "httpx", "httpx") from None
        # Makes httpx import what it needs to connect: here and now, and not on the event loop.
        httpx.AsyncHTTPTransport(verify=False, trust_env=False)
        self._httpx = httpx
        self._options = options
        self._verify: ssl.SSLContext | bool = False  # there is nothing to verify without TLS
        if secure or options.proxy is not None:
            self._verify = options.ssl_context or httpx.create_ssl_context(trust_env=False)
        self._pools: dict[asyncio.AbstractEventLoop, _Held] = {}
        self.closed = False

    async def here(self) -> Pool:
        """Return the pool of the running loop.

        Raises:
            PoolClosedError: the client has been closed.
        """
        if self.closed:
            raise PoolClosedError
        loop = asyncio.get_running_loop()
        self._forget_the_dead()
        held = self._pools.get(loop)
        if held is not None and not held.pool.closed:
            return held.pool
        pool = Pool(self._transport(), self._options.max_connections)
        held = _Held(pool, _open_until_closed(pool), [])
        self._pools[loop] = held
        await anext(held.life)
        return pool

    async def close(self) -> None:
        """Close all pools: that of the running loop at once, others as soon as their loops turn."""
        self.closed = True
        here = asyncio.get_running_loop()
        self._forget_the_dead()
        for loop, held in tuple(self._pools.items()):
            held.pool.closed = True
            if loop is here:
                _close(held, loop)
                await asyncio.wait(held.closing)
                self._pools.pop(loop, None)
            else:
                with contextlib.suppress(RuntimeError):  # it has been closed meanwhile
                    loop.call_soon_threadsafe(_close, held, loop)

    def _forget_the_dead(self) -> None:
        """Let go of pools whose loop is closed, or was left behind by a fork."""
        for loop, held in tuple(self._pools.items()):
            if held.pool.process != os.getpid():
                _inherited.append(self._pools.pop(loop, None))
            elif loop.is_closed():
                self._pools.pop(loop, None)

    def _transport(self) -> httpx.AsyncHTTPTransport:
        # Not httpx.AsyncClient: that one keeps cookies, logs URLs, and reads the environment.
        options = self._options
        limits = self._httpx.Limits(
            max_connections=options.max_connections,
            max_keepalive_connections=options.max_connections,
            keepalive_expiry=_KEEP_ALIVE,
        )
        return self._httpx.AsyncHTTPTransport(
            verify=self._verify, trust_env=False, limits=limits, proxy=options.proxy
        )


async def _open_until_closed(pool: Pool) -> AsyncGenerator[None, None]:
    """Close the pool when this generator is closed: by the client, the collector, or the end of its loop.

    Event loops close their async generators before they end, as ``asyncio.run()`` and the bridge's portals
    see to it: there is no other hook on the end of a loop.
    """
    try:
        yield
    finally:
        await pool.close()


def _close(held: _Held, loop: asyncio.AbstractEventLoop) -> None:
    """Begin to close a pool, on its own loop, unless that has begun."""
    if not held.closing:
        held.closing.append(loop.create_task(_finish(held.life)))


async def _finish(life: AsyncGenerator[None, None]) -> None:
    await life.aclose()
