"""A workflow as a bridge gets it: with the async variants that it has to call from sync code."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from matrix.repro.inside.words import AnyFunction, Item, Outputs

__all__ = ("Source",)


@dataclass(frozen=True)
class Source:
    """A workflow: its text, the functions, tools and LLM client that the text names, and how to await it."""

    text: str
    functions: Mapping[str, AnyFunction] = field(default_factory=dict)
    tools: Mapping[str, AnyFunction] = field(default_factory=dict)
    llm: object | None = None
    timeout: float | None = None
    native: Callable[[Source, Outputs], Awaitable[Outputs]] | None = None
    native_stream: Callable[[Source, Outputs], AsyncIterator[Item]] | None = None

    async def run_async(self, inputs: Outputs) -> Outputs:
        """Await the async variant: what a bridge has to call from sync code."""
        assert self.native is not None
        return await self.native(self, inputs)

    def stream_async(self, inputs: Outputs) -> AsyncIterator[Item]:
        """Return the async generator that a bridge has to iterate over from sync code."""
        assert self.native_stream is not None
        return self.native_stream(self, inputs)
