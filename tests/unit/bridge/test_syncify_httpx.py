"""A facade of httpx.AsyncClient, against a real server: a sync client made of an async one."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

from agent_runtime.bridge import syncify

Client: Any = syncify(httpx.AsyncClient)
Response: Any = syncify(httpx.Response)

application = FastAPI()


@application.get("/port")
def port_of_the_client(request: Request) -> int:
    """Tell by which connection the request came."""
    assert request.client is not None
    return request.client.port


@application.get("/lines")
def lines() -> StreamingResponse:
    """Send three lines, piece by piece."""
    return StreamingResponse(f"line {number}\n" for number in range(3))


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(application, log_level="error"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        host, port = listener.getsockname()
        yield f"http://{host}:{port}"
        server.should_exit = True
        thread.join(30)


def use_client(address: str) -> tuple[set[int], list[str]]:
    """Make calls in sync code; return the connections that they came by, and the lines of a stream."""
    with Client(base_url=address) as client:
        ports = {client.get("/port").json() for _ in range(3)}
        with client.stream("GET", "/lines") as response:
            return ports, list(response.aiter_lines())


def test_client_gets_and_streams_over_one_kept_connection(address: str) -> None:
    ports, received = use_client(address)

    assert len(ports) == 1
    assert received == ["line 0", "line 1", "line 2"]


def test_client_works_inside_a_running_loop(address: str) -> None:
    async def main() -> tuple[set[int], list[str]]:
        return use_client(address)

    ports, received = asyncio.run(main())

    assert (len(ports), len(received)) == (1, 3)


def test_client_keeps_its_connection_from_thread_to_thread_and_loop_to_loop(address: str) -> None:
    ports: list[int] = []

    with Client(base_url=address) as client:

        async def main() -> None:
            ports.append(client.get("/port").json())

        asyncio.run(main())
        thread = threading.Thread(target=lambda: ports.append(client.get("/port").json()))
        thread.start()
        thread.join()
        ports.append(client.get("/port").json())

    assert len(set(ports)) == 1
    assert len(ports) == 3


def test_client_that_is_closed_says_so_as_the_async_one_does(address: str) -> None:
    client = Client(base_url=address)
    client.aclose()

    assert client.is_closed
    with pytest.raises(RuntimeError, match="client has been closed"):
        client.get("/port")


def test_leaving_a_stream_early_leaves_the_client_usable(address: str) -> None:
    with Client(base_url=address) as client:
        with client.stream("GET", "/lines") as response:
            for _ in response.aiter_lines():
                break

        assert response.is_closed
        assert client.get("/port").status_code == 200


def test_exceptions_are_those_of_httpx_with_their_request() -> None:
    with Client() as client, pytest.raises(httpx.ConnectError) as raised:
        client.get("http://127.0.0.1:1/")

    assert raised.value.request.url == "http://127.0.0.1:1/"
