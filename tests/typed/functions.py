"""What mypy and pyright make of ``syncify`` for functions: each line is held by both."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractContextManager, asynccontextmanager
from typing import Any, Literal, TypeVar, assert_type, overload

from agent_runtime.bridge import Bridge, Facade, syncify
from tests.helpers.async_client import AsyncCursor

T = TypeVar("T")


@syncify
async def fetch(url: str, *, limit: int = 3) -> bytes:
    """Fetch one page."""
    return url.encode()[:limit]


@syncify(timeout=5)
async def fetch_soon(url: str) -> bytes:
    """Fetch one page in time."""
    return url.encode()


@syncify
async def lines(count: int) -> AsyncIterator[str]:
    """Give lines."""
    for number in range(count):
        yield str(number)


@syncify
async def numbers() -> AsyncGenerator[int, None]:
    """Give numbers."""
    yield 1


@syncify
@asynccontextmanager
async def session(name: str) -> AsyncIterator[int]:
    """Keep a session open."""
    yield len(name)


@syncify(timeout=5)
@asynccontextmanager
async def short_session(name: str) -> AsyncIterator[int]:
    """Keep a session open, but not for long."""
    yield len(name)


@syncify
async def first(items: list[T]) -> T:
    """Return the first one."""
    return items[0]


@syncify
def declared(count: int) -> Coroutine[Any, Any, str]:
    """Return a coroutine."""
    return asyncio.sleep(0, str(count))


@overload
@syncify
async def read(path: str) -> str: ...
@overload
@syncify
async def read(path: str, *, binary: Literal[True]) -> bytes: ...
@syncify
async def read(path: str, *, binary: bool = False) -> str | bytes:
    """Read it."""
    return path.encode() if binary else path


class Greeter:
    """Has methods in sync form."""

    @syncify
    async def greet(self, name: str) -> str:
        """Greet."""
        return f"Hello, {name}!"

    async def greet_async(self, name: str) -> str:
        """Greet, too."""
        return f"Hello, {name}!"

    @syncify
    async def letters(self, *, word: str) -> AsyncIterator[str]:
        """Give letters."""
        for letter in word:
            yield letter

    @classmethod
    @syncify
    async def make(cls, word: str) -> Greeter:
        """Make one."""
        return cls() if word else Greeter()

    @staticmethod
    @syncify
    async def size(text: str) -> int:
        """Count."""
        return len(text)

    async def __call__(self, name: str) -> int:
        """Count, as a callable object."""
        return len(name)


def hold_functions() -> None:
    """Hold the types of functions."""
    assert_type(fetch("u", limit=1), bytes)
    assert_type(fetch_soon("u"), bytes)
    assert_type(lines(2), Iterator[str])
    assert_type(numbers(), Iterator[int])
    assert_type(session("n"), AbstractContextManager[int])
    assert_type(short_session("n"), AbstractContextManager[int])
    assert_type(first([1]), int)
    assert_type(declared(1), str)
    assert_type(read("p"), str)
    assert_type(read("p", binary=True), bytes)
    with session("n") as size:
        assert_type(size, int)
    named: Callable[[str], bytes] = fetch
    assert_type(named("u"), bytes)


def hold_methods(greeter: Greeter) -> None:
    """Hold the types of methods and callable objects."""
    assert_type(greeter.greet("Ada"), str)
    assert_type(greeter.letters(word="Hi"), Iterator[str])
    assert_type(Greeter.make("Hi"), Greeter)
    assert_type(Greeter.size("Hi"), int)
    assert_type(syncify(greeter.greet_async)("Ada"), str)
    assert_type(syncify(greeter)("Ada"), int)
    assert_type(syncify(functools.partial(greeter.greet_async, "Ada"))(), str)
    assert_type(syncify(greeter.greet_async, bridge=Bridge())("Ada"), str)


def hold_classes() -> None:
    """Hold what checkers know of a class without a stub: its object, and no more."""
    cursor = syncify(AsyncCursor).from_async(AsyncCursor([]))
    assert_type(cursor, Facade[AsyncCursor])
    assert_type(cursor.async_object, AsyncCursor)


async def hold_mistakes() -> None:
    """Hold the mistakes that both must see: an unused ignore is an error, too."""
    await fetch("u")  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]  # it is not async
    async with session("n"):  # type: ignore[attr-defined]  # pyright: ignore[reportGeneralTypeIssues]  # nor is this
        pass
    fetch(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # a wrong type
    fetch("u", size=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # a wrong name
    syncify(5)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]  # no function
    syncify(len)  # type: ignore[arg-type]  # pyright: ignore[reportCallIssue, reportArgumentType]  # not async
