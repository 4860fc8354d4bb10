"""An ``httpx.AsyncClient`` made in one call is used by the next ones, over the same connection."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from matrix.model import Expected, Probe, Run, Source, expect
from matrix.probes._loops import with_a_loop_for_each_call

if TYPE_CHECKING:
    import httpx

PROBE = Probe(
    "reuses_http_client",
    claim="an httpx.AsyncClient made in one call serves the next ones over one kept-alive connection",
    promise="S4",
    requires=("httpx",),
)

_TEXT = """
name: http
steps:
  - id: work
    tool: work
outputs:
  answer: "${steps.work.output}"
"""


class _Client:
    """What a user keeps at module level: one client for all calls."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: httpx.AsyncClient | None = None

    async def get(self) -> str:
        import httpx

        if self._client is None:
            # An empty TLS context: loading the system's certificates takes longer than all the rest.
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            self._client = httpx.AsyncClient(trust_env=False, verify=tls)
        return (await self._client.get(self._url)).text

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()


def check(run: Run) -> None:
    with _server() as server:
        client = _Client(f"http://127.0.0.1:{server.server_port}/")
        try:
            answers = [_call(run, client) for _ in range(3)]
        finally:
            with contextlib.suppress(RuntimeError):  # on a closed loop a client cannot be closed either
                run(Source(_TEXT, tools={"work": client.close}), {})

        expect(got=answers, wanted=["hello"] * 3, of="answers to three calls")
        expect(got=len(server.connections), wanted=1, of="connections that the server accepted")


def _call(run: Run, client: _Client) -> object:
    try:
        return run(Source(_TEXT, tools={"work": client.get}), {})["answer"]
    except RuntimeError as error:
        raise Expected(of="a call with the shared client", wanted="an answer", got=repr(error)) from error


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Keep quiet."""


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that server_close() waits for the threads of the connections

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.connections: list[socket.socket] = []

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.append(request)
        super().process_request(request, client_address)


@contextlib.contextmanager
def _server() -> Iterator[_Server]:
    server = _Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        for connection in server.connections:
            with contextlib.suppress(OSError):  # closed already
                connection.shutdown(socket.SHUT_RDWR)
        server.server_close()


def broken(run: Run) -> Run:
    """Make a loop for each call, so that the client's connections belong to a closed one."""
    return with_a_loop_for_each_call(run)
