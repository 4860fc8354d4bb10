"""A plain client of HTTP, for servers that perform one cell a request."""

from __future__ import annotations

import http.client
import socket

__all__ = ("request",)


def request(listener: socket.socket, path: str) -> None:
    """Ask the server behind a listening socket for a path, on a connection of its own; wait for the answer.

    Raises:
        OSError: it did not say 200.
    """
    connection = http.client.HTTPConnection(*listener.getsockname())
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        if answer.status != http.HTTPStatus.OK:
            raise OSError(f"the server answered with {answer.status} {answer.reason}")
    finally:
        connection.close()
