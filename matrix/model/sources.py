"""What a probe runs: a workflow as it states one, and the callables under test that take it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

__all__ = ("AnyFunction", "Item", "OpenSession", "Run", "RunAsync", "Session", "Source", "StreamAsync")

AnyFunction = Callable[..., object]


class Run(Protocol):
    """Run a source to its end and return its outputs: what a probe is given to try."""

    def __call__(self, source: Source, inputs: Mapping[str, object], /) -> Mapping[str, object]:
        """Block until ``source`` has run with ``inputs``; return its outputs."""


class RunAsync(Protocol):
    """The async variant of :class:`Run`; the machine hands it to peers inside the source."""

    def __call__(self, source: Source, inputs: Mapping[str, object], /) -> Awaitable[Mapping[str, object]]:
        """Return an awaitable of the outputs of ``source``."""


class Item(NamedTuple):
    """What a stream gives: one step that has ended, as soon as it has."""

    step: str
    output: object


class StreamAsync(Protocol):
    """The async variant of a session's ``stream``; the machine hands it to peers inside the source."""

    def __call__(self, source: Source, inputs: Mapping[str, object], /) -> AsyncIterator[Item]:
        """Return an async generator of the items of one run of ``source``."""


class Session(Protocol):
    """A workflow that is kept open for several runs, as users keep one."""

    def run(self, inputs: Mapping[str, object], /) -> Mapping[str, object]:
        """Block until one run has ended; return its outputs."""

    def stream(self, inputs: Mapping[str, object], /) -> Iterator[Item]:
        """Return an iterator over the items of one run; each ``next()`` blocks until there is one."""

    def close(self) -> None:
        """End what is in progress, and everything that belongs to the session."""

    async def run_async(self, inputs: Mapping[str, object], /) -> Mapping[str, object]:
        """Await one run; for peers."""

    def stream_async(self, inputs: Mapping[str, object], /) -> AsyncIterator[Item]:
        """Return an async generator of the items of one run; for peers."""

    async def close_async(self) -> None:
        """Await the end of everything; for peers."""


class OpenSession(Protocol):
    """Open a session: what a probe of several runs, or of a stream, is given to try."""

    def __call__(self, source: Source, /) -> Session:
        """Return ``source``, loaded and ready to run."""


@dataclass(frozen=True)
class Source:
    """A workflow as a probe states it: YAML text, and the callables that the text names.

    Attributes:
        text: the workflow file's text.
        functions: what ``function:`` steps may name; plain ``def``.
        tools: what ``tool:`` steps may name; ``def`` or ``async def``.
        llm: the LLM client that ``agent:`` steps ask; None for the entry point's default.
        timeout: seconds that the entry point is given for the run; None for no limit.
        native: the async variant of the entry point under test. The machine fills it in before it
            hands the source to a peer, so that a peer is a bridge and nothing more.
        native_stream: the same for a stream.
    """

    text: str
    functions: Mapping[str, AnyFunction] = field(default_factory=dict)
    tools: Mapping[str, AnyFunction] = field(default_factory=dict)
    llm: object | None = None
    timeout: float | None = None
    native: RunAsync | None = None
    native_stream: StreamAsync | None = None

    async def run_async(self, inputs: Mapping[str, object]) -> Mapping[str, object]:
        """Await the async variant of the entry point under test; for peers.

        Raises:
            LookupError: the machine has not bound an async variant.
        """
        if self.native is None:
            raise LookupError("this source has no async variant; the machine binds one for each peer")
        return await self.native(self, inputs)

    def stream_async(self, inputs: Mapping[str, object]) -> AsyncIterator[Item]:
        """Return the async generator of items that a peer is to iterate over from sync code.

        Raises:
            LookupError: the machine has not bound one.
        """
        if self.native_stream is None:
            raise LookupError("this source has no async stream; the machine binds one for each peer")
        return self.native_stream(self, inputs)
