"""The record stream between a host and its supervisor: addresses, messages, bounded lines.

One message is one line of JSON with the job's token and the sender's process id. A process opens two
connections: ``records`` for messages, ``stacks`` for the raw dump that faulthandler writes on demand.
"""

from __future__ import annotations

import json
import math
import os
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ("MAX_LINE", "Lines", "Message", "WireError", "connect", "decode", "encode", "listen", "new_token")

# A record holds texts that the child has already cut to some 100 kB; more than this is a flood.
MAX_LINE = 1 << 20
# The kernel's limit for the path of a Unix socket is 104 bytes on macOS, 108 on Linux.
MAX_SOCKET_PATH = 100


class WireError(Exception):
    """Something that is not a message of this protocol arrived."""


@dataclass(frozen=True)
class Message:
    """One line of the stream: who says what."""

    kind: str
    token: str
    pid: int
    body: Mapping[str, object] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """Return a field of the body as text; an absent one is empty.

        Raises:
            WireError: the field is something else.
        """
        value = self.body.get(name, "")
        if not isinstance(value, str):
            raise WireError(f"{self.kind!r} came with {name}={value!r}, which is not a text")
        return value

    def number(self, name: str) -> float:
        """Return a field of the body as a number; an absent one is zero.

        Raises:
            WireError: the field is something else.
        """
        value = self.body.get(name, 0.0)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise WireError(f"{self.kind!r} came with {name}={value!r}, which is not a number")
        try:
            return float(value)
        except OverflowError as error:
            raise WireError(f"{self.kind!r} came with a {name} of {len(str(value))} digits") from error

    def numbers(self, name: str) -> list[int]:
        """Return a field of the body as a list of whole numbers; an absent one is empty.

        Raises:
            WireError: the field is something else.
        """
        value = self.body.get(name, [])
        if not isinstance(value, list) or not all(type(one) is int for one in value):
            raise WireError(f"{self.kind!r} came with {name}={value!r}, which is not a list of numbers")
        return value

    def mapping(self, name: str) -> dict[str, object]:
        """Return a field of the body as a mapping; an absent one is empty.

        Raises:
            WireError: the field is something else.
        """
        value = self.body.get(name, {})
        if not isinstance(value, dict):
            raise WireError(f"{self.kind!r} came with {name}={value!r}, which is not a mapping")
        return {str(key): item for key, item in value.items()}


def new_token() -> str:
    """Return a word that only the processes of one job know."""
    return os.urandom(16).hex()


def encode(kind: str, token: str, body: Mapping[str, object] | None = None) -> bytes:
    """Return one message of this process as a line."""
    line = {"kind": kind, "token": token, "pid": os.getpid(), **(body or {})}
    return json.dumps(line, separators=(",", ":"), default=repr).encode() + b"\n"


def decode(line: bytes) -> Message:
    """Return the message that a line holds.

    Raises:
        WireError: the line is not a message.
    """
    try:
        body = json.loads(line, parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError):  # the latter for a million of opening brackets
        body = None
    if not isinstance(body, dict):
        raise WireError(f"not a message: {line[:120]!r}")
    kind, token, pid = body.pop("kind", None), body.pop("token", None), body.pop("pid", None)
    if not isinstance(kind, str) or not isinstance(token, str) or not isinstance(pid, int):
        raise WireError(f"a message without kind, token and pid: {line[:120]!r}")
    return Message(kind, token, pid, body)


def _finite(text: str) -> float:
    """Return a number that JSON knows; NaN and the infinities would spoil the files that it goes into."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is not a number of JSON")
    return number


class Lines:
    """Cuts a byte stream into lines and refuses one that does not end."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Take more bytes; return the lines that are complete now.

        Raises:
            WireError: a line is longer than ``MAX_LINE``.
        """
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._check(*lines, self._rest)
        return lines

    def first(self, data: bytes) -> bytes | None:
        """Take more bytes; return the first line once it is complete and keep what follows it.

        Raises:
            WireError: the line is longer than ``MAX_LINE``.
        """
        line, end, rest = (self._rest + data).partition(b"\n")
        self._rest = rest if end else line
        self._check(line)
        return line if end else None

    def _check(self, *lines: bytes) -> None:
        if any(len(line) > MAX_LINE for line in lines):
            self._rest = b""
            raise WireError(f"a line longer than {MAX_LINE} bytes")


def listen(folder: Path) -> tuple[socket.socket, str]:
    """Open the supervisor's door; return it and the address that hosts connect to.

    A Unix socket in ``folder``, which nobody else may enter; where there is none, or the path would
    be too long, a port of the loopback interface, and the token alone keeps strangers out.
    """
    path = str(folder / "door")
    if hasattr(socket, "AF_UNIX") and len(os.fsencode(path)) <= MAX_SOCKET_PATH:
        door = socket.socket(socket.AF_UNIX)
        door.bind(path)
        address = f"unix:{path}"
    else:
        door = socket.socket(socket.AF_INET)
        door.bind(("127.0.0.1", 0))
        address = f"tcp:{door.getsockname()[1]}"
    door.listen(128)
    door.setblocking(False)
    return door, address


def connect(address: str) -> socket.socket:
    """Connect to a supervisor's door; blocks until it answers.

    Raises:
        OSError: nobody listens there any more.
    """
    kind, _, place = address.partition(":")
    if kind == "tcp":
        return socket.create_connection(("127.0.0.1", int(place)))
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(place)
    return connection
