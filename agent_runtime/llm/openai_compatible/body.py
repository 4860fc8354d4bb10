"""The body of an answer as it comes: unpacked, timed, and never more of it than allowed."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Awaitable
from typing import TYPE_CHECKING, TypeVar

from agent_runtime.llm.openai_compatible.failures import (
    Failure,
    Request,
    broken,
    closed,
    malformed,
    out_of_time,
)
from agent_runtime.llm.openai_compatible.pool import OutOfTimeError, Patience, PoolClosedError
from agent_runtime.llm.openai_compatible.response import excerpt

if TYPE_CHECKING:
    import httpx

__all__ = ("Body", "guarded")

T = TypeVar("T")

_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
"""What ``zlib`` wants to be told to look for either header itself."""


async def guarded(awaitable: Awaitable[T], request: Request, patience: Patience) -> T | Failure:
    """Await something of httpx, and return what goes wrong as a value.

    The exceptions of httpx have frames that hold the request, and so the key; none of them is kept.
    """
    import httpx

    try:
        return await patience.within(awaitable)
    except (httpx.HTTPError, OSError) as error:  # early versions of httpcore let those of TLS through
        return closed(request) if patience.pool.closed else broken(request, error)
    except OutOfTimeError:
        return out_of_time(request)
    except PoolClosedError:
        return closed(request)


class Body:
    """The body of one answer; read by one task, once.

    Args:
        response: the answer, of which only the head has come.
        request: what it answers.
        patience: how long to wait for it.
    """

    def __init__(self, response: httpx.Response, request: Request, patience: Patience) -> None:
        import httpx

        stream = response.stream
        assert isinstance(stream, httpx.AsyncByteStream)
        self._stream = stream
        self._parts = aiter(stream)
        self._request = request
        self._patience = patience
        self._left = request.options.max_reply_bytes
        self._packing = response.headers.get("content-encoding", "identity").strip().lower()
        self._unpack = zlib.decompressobj(_GZIP_OR_ZLIB) if self._packing in ("gzip", "deflate") else None
        self._announced = response.headers.get("content-length", "")

    async def part(self) -> bytes | Failure:
        """Return the next part; nothing at the end."""
        unpacked: bytes | Failure | None = self._fault_of_head()
        while unpacked is None:  # a part may hold too little to unpack anything yet
            part = await guarded(anext(self._parts, b""), self._request, self._patience)
            if isinstance(part, Failure):
                return part
            unpacked = self._unpacked(part) if part else self._end()
        return unpacked

    async def all(self) -> bytes | Failure:
        """Return all of it."""
        parts = bytearray()
        while part := await self.part():
            if isinstance(part, Failure):
                return part
            parts += part
        return bytes(parts)

    async def beginning(self, size: int) -> bytes:
        """Return the beginning, of an answer that is an error; whatever of it can be read."""
        parts = bytearray()
        while len(parts) < size:
            part = await self.part()
            if isinstance(part, Failure) or not part:
                break
            parts += part
        return bytes(parts[:size])

    async def aclose(self) -> None:
        """Give the connection back if all has been read, else close it."""
        await self._stream.aclose()
        with contextlib.suppress(Exception):  # what cannot be read any more is of no interest
            await self._parts.aclose()  # type: ignore[attr-defined]  # httpx gives an async generator

    def _fault_of_head(self) -> Failure | None:
        if self._unpack is None and self._packing not in ("", "identity"):
            packing = excerpt(self._packing, self._request.redactor)
            return malformed(self._request, f"packed its answer as {packing}, which was not asked for")
        length = self._announced if self._announced.isdecimal() else "0"
        return self._too_long() if int(length[:20]) > self._request.options.max_reply_bytes else None

    def _unpacked(self, part: bytes) -> bytes | Failure | None:
        """Return what comes out of a part; None if nothing does yet."""
        if self._unpack is not None:
            try:
                # One byte more than is left is enough to know; there may be a thousand times as many.
                part = self._unpack.decompress(part, self._left + 1)
            except zlib.error as error:
                return malformed(self._request, f"packed its answer wrongly: {error}")
        if len(part) > self._left:
            return self._too_long()
        self._left -= len(part)
        return part or None

    def _end(self) -> bytes | Failure:
        if self._unpack is not None and not self._unpack.eof:
            return malformed(self._request, "sent an answer whose end is missing")
        return b""

    def _too_long(self) -> Failure:
        limit = self._request.options.max_reply_bytes
        return malformed(self._request, f"sent an answer longer than 'max_reply_bytes', {limit}")
