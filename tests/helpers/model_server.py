"""A language model's server on this machine that answers as a test tells it to, badly if need be."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = (
    "Behaviour",
    "ModelServer",
    "Received",
    "Talk",
    "chunk",
    "chunked",
    "completion",
    "events",
    "hangs",
    "raw",
    "refuses",
    "says",
    "serving",
    "streams",
    "unused_port",
)

LIMIT = 60.0
"""Seconds, for a very busy machine."""


@dataclass(frozen=True)
class Received:
    """One request, as it came."""

    connection: int
    head: str
    headers: Mapping[str, str] = field(repr=False)  # the key is in there
    body: Any


@dataclass
class Talk:
    """One request and the way to answer it."""

    server: ModelServer
    received: Received
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    ended: bool = False

    async def send(self, data: bytes) -> None:
        """Send some bytes now."""
        self.writer.write(data)
        await self.writer.drain()

    async def hang_up(self) -> None:
        """End the connection in order."""
        self.ended = True
        self.writer.close()

    async def reset(self) -> None:
        """Break the connection."""
        self.ended = True
        self.writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        self.writer.transport.abort()

    async def wait_for_the_client_to_leave(self) -> None:
        """Wait until the client has closed the connection, and say so."""
        self.server.waiting.set()
        with contextlib.suppress(ConnectionError):
            await self.reader.read()
        self.ended = True
        self.server.left.set()


Behaviour = Callable[[Talk], Awaitable[None]]


@dataclass
class ModelServer:
    """What the server is to do, and what it has seen; made by :func:`serving`.

    Attributes:
        url: what a client takes as ``base_url``.
        script: how to answer, request by request; the last one stays.
        requests: what came.
        connections: how many connections have been made.
        open: how many there are now.
        waiting: set when an answer waits for the client to leave.
        left: set when it has.
    """

    url: str = ""
    script: list[Behaviour] = field(default_factory=list)
    requests: list[Received] = field(default_factory=list)
    connections: int = 0
    open: int = 0
    waiting: threading.Event = field(default_factory=threading.Event)
    left: threading.Event = field(default_factory=threading.Event)
    closed: threading.Event = field(default_factory=threading.Event)

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        self.connections += 1
        self.open += 1
        number = self.connections
        try:
            while received := await _received(reader, number):
                self.requests.append(received)
                talk = Talk(self, received, reader, writer)
                behaviour = self.script.pop(0) if len(self.script) > 1 else self.script[0]
                await behaviour(talk)
                if talk.ended:
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            self.left.set()
        except asyncio.CancelledError:
            pass  # the test is over
        finally:
            self.open -= 1
            self.closed.set()
            writer.close()


async def _received(reader: asyncio.StreamReader, number: int) -> Received | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.strip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(number, first, headers, json.loads(body))


@contextlib.contextmanager
def serving(*script: Behaviour, tls: ssl.SSLContext | None = None) -> Iterator[ModelServer]:
    """Serve on a thread of its own for the length of the block."""
    server = ModelServer(script=list(script) or [says("hello")])
    listener = socket.create_server(("127.0.0.1", 0), backlog=200)
    scheme = "http" if tls is None else "https"
    server.url = f"{scheme}://127.0.0.1:{listener.getsockname()[1]}/v1"
    loop = asyncio.new_event_loop()
    end = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(_serve(server, listener, tls, end),))
    thread.start()
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join(LIMIT)
        loop.close()


async def _serve(
    server: ModelServer, listener: socket.socket, tls: ssl.SSLContext | None, end: asyncio.Event
) -> None:
    listening = await asyncio.start_server(server.converse, sock=listener, limit=2**24, ssl=tls)
    await end.wait()
    listening.close()
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


def unused_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def completion(content: object = "hello", **message: object) -> dict[str, object]:
    """Return a whole chat completion."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "tiny-1",
        "choices": [
            {
                "index": 0,
                "finish_reason": "tool_calls" if "tool_calls" in message else "stop",
                "message": {"role": "assistant", "content": content, **message},
            }
        ],
        "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12},
    }


def chunk(content: str | None = None, finish: str | None = None, **delta: object) -> dict[str, object]:
    """Return one chunk of a streamed completion."""
    said = {"content": content, **delta} if content is not None else delta
    return {"model": "tiny-1", "choices": [{"index": 0, "delta": said, "finish_reason": finish}]}


def events(*chunks: object, done: bool = True) -> bytes:
    """Return chunks as server-sent events."""
    sent = b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in chunks)
    return sent + b"data: [DONE]\n\n" if done else sent


def chunked(*parts: bytes) -> bytes:
    """Return bytes as HTTP/1.1 writes a body of unknown length, without its end."""
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)


def head(status: int = 200, kind: str = "application/json", **headers: str) -> bytes:
    """Return the head of an answer; underscores in names are hyphens."""
    lines = [f"HTTP/1.1 {status} Word", f"Content-Type: {kind}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


STREAM_HEAD = head(kind="text/event-stream; charset=utf-8", Transfer_Encoding="chunked")


def raw(*parts: bytes, then: str = "hang_up") -> Behaviour:
    """Send exactly these bytes, part by part, and then ``hang_up``, ``reset``, ``hang`` or ``go_on``."""

    async def behaviour(talk: Talk) -> None:
        for part in parts:
            await talk.send(part)
            await asyncio.sleep(0)
        if then == "hang":
            await talk.wait_for_the_client_to_leave()
        elif then != "go_on":
            await getattr(talk, then)()

    return behaviour


def answers(status: int, body: bytes, *, kind: str = "application/json", **headers: str) -> Behaviour:
    """Answer in good form, and keep the connection."""
    return raw(head(status, kind, Content_Length=str(len(body)), **headers) + body, then="go_on")


def says(content: object = "hello", **message: object) -> Behaviour:
    """Answer with a completion, or with an object that is given whole."""
    said = content if isinstance(content, dict) else completion(content, **message)
    return answers(200, json.dumps(said).encode())


def refuses(status: int, message: str = "not now", **headers: str) -> Behaviour:
    """Answer with an error."""
    return answers(status, json.dumps({"error": {"message": message, "code": "odd"}}).encode(), **headers)


def streams(*chunks: object, done: bool = True) -> Behaviour:
    """Answer with a stream of these chunks, in good form, and keep the connection."""
    parts = [events(each, done=False) for each in chunks] + ([events()] if done else [])
    return raw(STREAM_HEAD, *(chunked(part) for part in parts), b"0\r\n\r\n", then="go_on")


def hangs(*parts: bytes) -> Behaviour:
    """Send these bytes and nothing more, until the client leaves."""
    return raw(*parts, then="hang")


def pieces_of(text: bytes, size: int) -> Iterable[bytes]:
    """Cut bytes into pieces."""
    return (text[start : start + size] for start in range(0, len(text), size))
