"""Where the inputs of many runs come from: taken one by one, on the thread where that belongs."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Protocol, TypeVar, runtime_checkable

from agent_runtime.outcomes import Outcome, acapture

__all__ = ("END", "Elsewhere", "Inputs", "Source", "source_of")

T = TypeVar("T")

Inputs = Iterable[Mapping[str, object] | None] | AsyncIterable[Mapping[str, object] | None]

END = object()
"""What comes after the last input."""


@runtime_checkable
class Elsewhere(Protocol):
    """How a plain function is called off the loop: on the calling thread, or on a worker thread."""

    def __call__(self, fn: Callable[[], T], /) -> Awaitable[Outcome[T]]:
        """Call ``fn()`` there; return what came of it."""


@runtime_checkable
class Source(Protocol):
    """Gives one input after another."""

    async def take(self, elsewhere: Elsewhere) -> Outcome[object]:
        """Return the next input, or END; what the caller's own code raised is in the outcome."""


def source_of(inputs: object) -> Source:
    """Return what takes the inputs.

    Raises:
        TypeError: they are not many.
    """
    if isinstance(inputs, Mapping | str | bytes):
        raise TypeError(
            f"inputs= is an iterable of mappings, one for each run, not one {type(inputs).__name__};"
            " for a single run, use run()"
        )
    if isinstance(inputs, AsyncIterable):
        return _FromAsync(inputs)
    if isinstance(inputs, list | tuple):
        return _FromSequence(inputs)
    if isinstance(inputs, Iterable):
        return _FromIterable(inputs)
    raise TypeError(f"inputs= is an iterable of mappings, one for each run, not {type(inputs).__name__}")


class _FromSequence:
    """Inputs that are there already: nobody has to be asked for them."""

    def __init__(self, inputs: Sequence[object]) -> None:
        self._iterator = iter(inputs)

    async def take(self, elsewhere: Elsewhere) -> Outcome[object]:  # noqa: ARG002 - not needed
        return Outcome(next(self._iterator, END))


class _FromIterable:
    """Inputs that somebody's code makes, which may block: never on the loop."""

    def __init__(self, inputs: Iterable[object]) -> None:
        self._inputs = inputs
        self._next: Callable[[], object] | None = None

    async def take(self, elsewhere: Elsewhere) -> Outcome[object]:
        return await elsewhere(self._take)

    def _take(self) -> object:
        if self._next is None:
            self._next = iter(self._inputs).__next__
        try:
            return self._next()
        except StopIteration:
            return END


class _FromAsync:
    """Inputs that async code makes, on the loop."""

    def __init__(self, inputs: AsyncIterable[object]) -> None:
        self._inputs = inputs
        self._iterator: AsyncIterator[object] | None = None

    async def take(self, elsewhere: Elsewhere) -> Outcome[object]:  # noqa: ARG002 - not needed
        return await acapture(self._take())

    async def _take(self) -> object:
        if self._iterator is None:
            self._iterator = aiter(self._inputs)
        try:
            return await anext(self._iterator)
        except StopAsyncIteration:
            return END
