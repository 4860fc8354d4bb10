"""Sessions of a peer: what it makes of the async variants of an entry point's session."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from matrix.model import AnyFunction, Item, OpenSession, Run, Session, Source

__all__ = ("through_peer",)


class Stream(Protocol):
    """What a peer may have besides ``call``: its way to iterate over an async generator."""

    def __call__(self, source: Source, inputs: Mapping[str, object], /) -> Iterator[Item]:
        """Return an iterator over the items of ``source.stream_async(inputs)``."""


def through_peer(open_session: OpenSession, functions: Mapping[str, AnyFunction]) -> OpenSession:
    """Return ``open_session``, with each call of a session bridged by a peer's functions."""

    def open_bridged(source: Source, /) -> Session:
        stream = cast("Stream", functions["stream"])
        return PeerSession(open_session(source), source, cast("Run", functions["call"]), stream)

    return open_bridged


class PeerSession:
    """One session, whose sync functions are a peer's bridges to its async ones."""

    def __init__(self, session: Session, source: Source, call: Run, stream: Stream) -> None:
        self._session = session
        self._source = replace(source, native=self._run_natively, native_stream=self._stream_natively)
        self._call = call
        self._stream = stream
        self.run_async = session.run_async
        self.stream_async = session.stream_async
        self.close_async = session.close_async

    def run(self, inputs: Mapping[str, object], /) -> Mapping[str, object]:
        """Run through the peer."""
        return self._call(self._source, inputs)

    def stream(self, inputs: Mapping[str, object], /) -> Iterator[Item]:
        """Stream through the peer."""
        return self._stream(self._source, inputs)

    def close(self) -> None:
        """Close through the peer."""
        self._call(replace(self._source, native=self._close_natively), {})

    async def _run_natively(self, source: Source, inputs: Mapping[str, object], /) -> Mapping[str, object]:
        del source
        return await self._session.run_async(inputs)

    async def _close_natively(self, source: Source, inputs: Mapping[str, object], /) -> Mapping[str, object]:
        del source
        await self._session.close_async()
        return inputs

    def _stream_natively(self, source: Source, inputs: Mapping[str, object], /) -> AsyncIterator[Item]:
        del source
        return self._session.stream_async(inputs)
