# Made by `python -m agent_runtime.bridge.facades tests.typed.client --write`; not to be edited.
# ruff: noqa
# fmt: off

from agent_runtime.bridge import Facade
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from decimal import Decimal
from tests.helpers.async_client import AsyncClient, AsyncCursor, AsyncJob, AsyncPages, AsyncPrices, AsyncRow, AsyncSpecialClient, T
from typing import Any, ClassVar, Generic, Literal, Self, overload

class Row(Facade[AsyncRow[T]], Generic[T]):
    """What a client gives; async in a method only."""
    value: T

    def __init__(self, value: T) -> None:
        ...

    def load(self) -> T:
        ...

class Prices(Row[float]):
    """A row of prices."""

    @property
    def async_object(self) -> AsyncPrices:
        ...

    def total(self) -> float:
        ...

class Client(Facade[AsyncClient]):
    """Talks to a database."""
    url: str
    retries: int
    made_on: Any
    send: Any
    LIMIT: int
    scheme: ClassVar[str]
    again: Any

    def __init__(self, url: str, *, retries: int=2) -> None:
        ...

    @classmethod
    def connect(cls, url: str) -> Self:
        """Connect."""
        ...

    @staticmethod
    def quote(text: str) -> str:
        ...

    @property
    def host(self) -> str:
        """The host."""
        ...

    @host.setter
    def host(self, value: str) -> None:
        ...

    @property
    def version(self) -> int:
        ...

    @property
    def row(self) -> Row[int]:
        ...

    def get(self, path: str, *, limit: int=1) -> str:
        """Fetch one page."""
        ...

    def lines(self, stop: int) -> Iterator[str]:
        ...

    def session(self, name: str) -> AbstractContextManager[Row[str]]:
        ...

    def cursor(self) -> Cursor:
        ...

    def pages(self) -> Facade[AsyncPages]:
        ...

    def soon(self, value: int) -> int:
        ...

    def where(self) -> tuple[object, int]:
        ...

    def first(self, row: AsyncRow[int] | Row[int]) -> bool:
        ...

    def fluent(self) -> Self:
        ...

    def with_retries(self, retries: int) -> Self:
        ...

    @overload
    def read(self, path: str, *, binary: Literal[False]=...) -> str:
        """Read a page."""
        ...

    @overload
    def read(self, path: str, *, binary: Literal[True]) -> bytes:
        ...

    def prices(self, prices: Sequence[Decimal]=...) -> Iterator[Row[Decimal]]:
        ...

    def parent(self) -> Client | None:
        ...

    def copy(self) -> Client:
        ...

    def __len__(self) -> int:
        ...

    def __getitem__(self, index: int) -> str:
        ...

    def __call__(self, number: int) -> int:
        ...

class SpecialClient(Client):
    """A client with more to it."""

    @property
    def async_object(self) -> AsyncSpecialClient:
        ...

    def extra(self) -> str:
        ...

class Cursor(Facade[AsyncCursor]):
    """Walks over rows; an iterator of its own, to be entered and left in one task."""
    rows: list[str]
    entered_in: object
    closed: bool

    def __init__(self, rows: list[str]) -> None:
        ...

    def __enter__(self) -> Self:
        ...

    def __exit__(self, *details: object) -> bool:
        ...

    def __iter__(self) -> Iterator[str]:
        ...

    def __next__(self) -> str:
        ...

class Job(Facade[AsyncJob]):
    """Some work, as a dataclass."""
    name: str
    tags: list[str]

    def run(self, times: int=1) -> str:
        """Do it."""
        ...

    def __init__(self, name: str, tags: list[str]=...) -> None:
        ...

def fetch(url: str, *, limit: int=3) -> Row[str]:
    """Fetch one page."""
    ...
