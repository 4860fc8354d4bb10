"""A session around another one, for mistakes in one of its functions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping

from matrix.model import Item, Session

__all__ = ("Wrapped",)


class Wrapped:
    """Hands everything on to ``inner``; a mistake overrides one function."""

    def __init__(self, inner: Session) -> None:
        self.inner = inner

    def run(self, inputs: Mapping[str, object]) -> Mapping[str, object]:
        """Hand on."""
        return self.inner.run(inputs)

    def stream(self, inputs: Mapping[str, object]) -> Iterator[Item]:
        """Hand on."""
        return self.inner.stream(inputs)

    def close(self) -> None:
        """Hand on."""
        self.inner.close()

    async def run_async(self, inputs: Mapping[str, object]) -> Mapping[str, object]:
        """Hand on."""
        return await self.inner.run_async(inputs)

    def stream_async(self, inputs: Mapping[str, object]) -> AsyncIterator[Item]:
        """Hand on."""
        return self.inner.stream_async(inputs)

    async def close_async(self) -> None:
        """Hand on."""
        await self.inner.close_async()
