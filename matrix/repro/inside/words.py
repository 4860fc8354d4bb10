"""The words in which the claim is written."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

__all__ = (
    "AnyFunction",
    "Cell",
    "Expected",
    "Item",
    "OpenSession",
    "Refused",
    "Run",
    "Session",
    "Source",
    "expect",
    "observe",
    "refusals",
    "seen",
)

AnyFunction = Callable[..., object]
Outputs = Mapping[str, object]


class Item(NamedTuple):
    """What a stream gives: one step that has ended."""

    step: str
    output: object


@dataclass(frozen=True)
class Source:
    """A workflow: its text, and the functions, tools and LLM client that the text names."""

    text: str
    functions: Mapping[str, AnyFunction] = field(default_factory=dict)
    tools: Mapping[str, AnyFunction] = field(default_factory=dict)
    llm: object | None = None
    timeout: float | None = None


Run = Callable[..., Outputs]


class Session(Protocol):
    """A workflow that is kept open for several runs."""

    run: Run
    stream: Callable[[Outputs], Iterator[Item]]
    close: Callable[[], None]
    run_async: Callable[[Outputs], Coroutine[Any, Any, Outputs]]
    stream_async: Callable[[Outputs], AsyncIterator[Item]]
    close_async: Callable[[], Coroutine[Any, Any, None]]


OpenSession = Callable[..., Session]


@dataclass(frozen=True)
class Cell:
    """What is shown here, by its name in reports."""

    id: str


class Expected(AssertionError):  # noqa: N818 - it is a finding, not an error of the program
    """The claim does not hold: what was wanted, what was got, and of what."""

    def __init__(self, *, of: str, wanted: str, got: str) -> None:
        super().__init__(f"{of}: wanted {wanted}, got {got}")


class Refused(Exception):  # noqa: N818 - it is a finding, not an error of the program
    """The bridge declined the call with an error that says so."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        refusals.append(why)


refusals: list[str] = []
"""What the bridge has declined, whatever has become of the error since."""


def expect(*, got: object, wanted: object, of: str) -> None:
    """Raise unless the two are equal."""
    observe(of, got)
    if got != wanted:
        raise Expected(of=of, wanted=repr(wanted), got=repr(got))


def observe(of: str, got: object) -> None:
    """Show what was seen, whatever it will mean."""
    seen.append(f"{of}: {got!r}"[:1000])


seen: list[str] = []
