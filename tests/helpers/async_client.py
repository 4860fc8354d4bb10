"""An async client with everything that a facade has to give a sync form."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Generic, Literal, Self, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

__all__ = (
    "AsyncClient",
    "AsyncCursor",
    "AsyncJob",
    "AsyncPages",
    "AsyncPrices",
    "AsyncRow",
    "AsyncSpecialClient",
    "fetch_async",
)

T = TypeVar("T")
TClient = TypeVar("TClient", bound="AsyncClient")


class AsyncCursor:
    """Walks over rows; an iterator of its own, to be entered and left in one task."""

    def __init__(self, rows: list[str]) -> None:
        self.rows = rows
        self.entered_in: object = None
        self.closed = False

    async def __aenter__(self) -> Self:
        self.entered_in = asyncio.current_task()
        return self

    async def __aexit__(self, *details: object) -> bool:
        assert asyncio.current_task() is self.entered_in
        self.closed = True
        return isinstance(details[1], KeyError)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        await asyncio.sleep(0)
        if not self.rows:
            raise StopAsyncIteration
        return self.rows.pop(0)


class AsyncPages:
    """Pages, of which a client gives one after the other."""

    async def __aiter__(self) -> AsyncIterator[str]:
        yield "page"


class AsyncRow(Generic[T]):
    """What a client gives; async in a method only."""

    def __init__(self, value: T) -> None:
        self.value = value

    async def load(self) -> T:
        await asyncio.sleep(0)
        return self.value


class AsyncClient:
    """Talks to a database."""

    LIMIT = 10
    scheme: ClassVar[str] = "http"

    class Options:
        """A class in a class."""

    def __init__(self, url: str, *, retries: int = 2) -> None:
        self.url = url
        self.retries = retries
        self.made_on = (asyncio.get_running_loop(), threading.get_ident())
        self.send = self.get

    @classmethod
    async def connect(cls, url: str) -> Self:
        """Connect."""
        await asyncio.sleep(0)
        return cls(url)

    @staticmethod
    async def quote(text: str) -> str:
        return f"'{text}'"

    @property
    def host(self) -> str:
        """The host."""
        return self.url.upper()

    @host.setter
    def host(self, value: str) -> None:
        self.url = value.lower()

    @property
    async def version(self) -> int:
        return 3

    @functools.cached_property
    def row(self) -> AsyncRow[int]:
        return AsyncRow(7)

    async def get(self, path: str, *, limit: int = 1) -> str:
        """Fetch one page."""
        await asyncio.sleep(0)
        return self.url + path * limit

    again = functools.partialmethod(get, limit=2)

    async def lines(self, stop: int) -> AsyncIterator[str]:
        for number in range(stop):
            yield f"{self.url} {number}"

    @asynccontextmanager
    async def session(self, name: str) -> AsyncIterator[AsyncRow[str]]:
        yield AsyncRow(name)

    def cursor(self) -> AsyncCursor:
        return AsyncCursor(["a", "b"])

    def pages(self) -> AsyncPages:
        return AsyncPages()

    def soon(self, value: int) -> asyncio.Task[int]:
        async def work() -> int:
            return value

        return asyncio.create_task(work())

    def where(self) -> tuple[object, int]:
        return (asyncio.get_running_loop(), threading.get_ident())

    def first(self, row: AsyncRow[int]) -> bool:
        return isinstance(row, AsyncRow)

    def fluent(self) -> Self:
        return self

    def with_retries(self: TClient, retries: int) -> TClient:  # noqa: PYI019 - as older code does
        return type(self)(self.url, retries=retries)

    @overload
    async def read(self, path: str, *, binary: Literal[False] = ...) -> str: ...
    @overload
    async def read(self, path: str, *, binary: Literal[True]) -> bytes: ...
    async def read(self, path: str, *, binary: bool = False) -> str | bytes:
        """Read a page."""
        return path.encode() if binary else path

    async def prices(self, prices: Sequence[Decimal] = ()) -> AsyncIterator[AsyncRow[Decimal]]:
        for price in prices:
            yield AsyncRow(price)

    def parent(self) -> AsyncClient | None:
        return None

    def copy(self) -> AsyncClient:
        return type(self)(self.url)

    def __len__(self) -> int:
        return len(self.url)

    def __getitem__(self, index: int) -> str:
        return self.url[index]

    async def __call__(self, number: int) -> int:
        return number + 1

    def _private(self) -> None: ...


class AsyncSpecialClient(AsyncClient):
    """A client with more to it."""

    async def extra(self) -> str:
        return "more"


class AsyncPrices(AsyncRow[float]):
    """A row of prices."""

    async def total(self) -> float:
        return self.value


@dataclass
class AsyncJob:
    """Some work, as a dataclass."""

    name: str
    tags: list[str] = field(default_factory=list)

    async def run(self, times: int = 1) -> str:
        """Do it."""
        await asyncio.sleep(0)
        return self.name * times


async def fetch_async(url: str, *, limit: int = 3) -> AsyncRow[str]:
    """Fetch one page."""
    return AsyncRow(url[:limit])
