"""A real uvicorn server in this thread, and a real client in another, one request a cell."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Literal

from matrix.model import Job

if TYPE_CHECKING:
    from fastapi import FastAPI

__all__ = ("CELL_PATH", "LOOPBACK", "Site")

CELL_PATH = "/cells/{number}"
LOOPBACK = "127.0.0.1"


class Site:
    """Serves an application until its client has asked for every cell.

    Args:
        job: whose cells there are.
        first: what the client asks for before them, to look at the server.

    Attributes:
        evidence: what the client has seen of the server before it asks for the first cell.
    """

    def __init__(self, job: Job, *, first: str = "/openapi.json") -> None:
        self.evidence: dict[str, str] = {}
        self._first = first
        self._count = len(job.cells)
        self._failures: list[BaseException] = []

    def serve(self, app: FastAPI | Callable[..., Any], *, loop: Literal["asyncio", "uvloop"]) -> None:
        """Run the server in this thread; raise whatever kept the client from its answers.

        Raises:
            OSError: a request failed.
        """
        import uvicorn

        server = uvicorn.Server(uvicorn.Config(app, loop=loop, log_level="error"))

        def end() -> None:
            server.should_exit = True

        # The socket listens before the server runs, so the client can connect without waiting for it.
        with (
            socket.create_server((LOOPBACK, 0)) as listener,
            self.client(listener.getsockname()[1], end),
        ):
            server.run(sockets=[listener])

    @contextlib.contextmanager
    def client(self, port: int, end: Callable[[], object]) -> Iterator[None]:
        """Ask for every cell on another thread, while the block serves; then raise what went wrong.

        Args:
            port: where something listens already.
            end: ends the server, from any thread.

        Raises:
            OSError: a request failed.
        """
        client = threading.Thread(target=self._ask, args=(port, end))
        client.start()
        yield
        client.join()
        for failure in self._failures:
            raise failure

    def _ask(self, port: int, end: Callable[[], object]) -> None:
        connection = http.client.HTTPConnection(LOOPBACK, port)
        try:
            self._look_at(_answer(connection, self._first))
            for number in range(self._count):
                _answer(connection, CELL_PATH.format(number=number))
        except Exception as failure:  # noqa: BLE001 - raised again in the thread that serves
            self._failures.append(failure)
        finally:
            connection.close()
            end()

    def _look_at(self, answer: http.client.HTTPResponse) -> None:
        self.evidence["http"] = f"{answer.version / 10}"
        self.evidence["server"] = answer.headers["server"]


def _answer(connection: http.client.HTTPConnection, path: str) -> http.client.HTTPResponse:
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    if answer.status != http.HTTPStatus.OK:
        raise OSError(f"GET {path} was answered with {answer.status} {answer.reason}")
    return answer
