"""What mypy and pyright make of facades, by their stub: each line is held by both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from decimal import Decimal
from typing import assert_type

from agent_runtime.bridge import Facade
from tests.helpers.async_client import (
    AsyncClient,
    AsyncCursor,
    AsyncPages,
    AsyncPrices,
    AsyncRow,
    AsyncSpecialClient,
)
from tests.typed.client import Client, Cursor, Job, Prices, Row, SpecialClient, fetch


def hold_client(client: Client) -> None:
    """Hold the types of a facade."""
    assert_type(Client("u", retries=3), Client)
    assert_type(Client.connect("u"), Client)
    assert_type(Client.quote("u"), str)
    assert_type(Client.from_async(AsyncClient("u")), Client)
    assert_type(client.async_object, AsyncClient)
    assert_type(client.get("/", limit=2), str)
    assert_type(client.read("/"), str)
    assert_type(client.read("/", binary=True), bytes)
    assert_type(client.lines(2), Iterator[str])
    assert_type(client.soon(2), int)
    assert_type(client.with_retries(3), Client)
    assert_type(client.parent(), Client | None)
    assert_type(client(1), int)
    assert_type((len(client), client[0]), tuple[int, str])
    assert_type((client.host, client.url, client.version, Client.LIMIT), tuple[str, str, int, int])
    client.host = "h"


def hold_facades_that_are_given(client: Client) -> None:
    """Hold the types of what comes out of a facade in the place of an async object."""
    assert_type(client.row, Row[int])
    assert_type(client.session("n"), AbstractContextManager[Row[str]])
    assert_type(client.prices([Decimal(1)]), Iterator[Row[Decimal]])
    assert_type(client.first(client.row), bool)
    assert_type(client.first(AsyncRow(1)), bool)
    with client.cursor() as cursor:
        assert_type((cursor, next(cursor), list(cursor)), tuple[Cursor, str, list[str]])
    assert_type(client.cursor().async_object, AsyncCursor)
    assert_type(client.pages(), Facade[AsyncPages])
    assert_type(fetch("u", limit=2), Row[str])


def hold_others(special: SpecialClient, prices: Prices) -> None:
    """Hold the types of inherited, generic and dataclass facades."""
    hold_client(special)
    assert_type(special.fluent(), SpecialClient)
    assert_type(special.extra(), str)
    assert_type(special.async_object, AsyncSpecialClient)
    assert_type(Row("a").load(), str)
    assert_type((prices.load(), prices.value, prices.total()), tuple[float, float, float])
    assert_type(prices.async_object, AsyncPrices)
    assert_type((Job("n", tags=["t"]).run(2), Job("n").tags), tuple[str, list[str]])


async def hold_mistakes(client: Client) -> None:
    """Hold the mistakes that both must see: an unused ignore is an error, too."""
    await client.get("/")  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]  # it is not async
    client.get(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # a wrong type
    client.post("/")  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]  # no such method
    Client()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # an argument too few
