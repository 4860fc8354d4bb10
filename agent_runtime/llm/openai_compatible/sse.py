"""Server-sent events: bytes as they come, to the data of each event."""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ("EventData",)

_LINE_END = re.compile(rb"\r\n|\n|\r(?!\Z)")
"""A carriage return at the very end may be half a line break."""


class EventData:
    """Collects the ``data`` of events; names, ids and comments are passed over.

    Works on bytes, so that it does not matter where characters are cut.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._data: list[bytes] = []
        self._first = True

    def feed(self, part: bytes) -> Iterator[bytes]:
        """Take what has come, and give the data of every event that is complete."""
        self._buffer += part
        start = 0
        while end := _LINE_END.search(self._buffer, max(start, self._searched)):
            line = bytes(self._buffer[start : end.start()])
            start = end.end()
            yield from self._take(line)
        del self._buffer[:start]
        self._searched = max(len(self._buffer) - 1, 0)

    def end(self) -> Iterator[bytes]:
        """Give what an event has that was not ended by an empty line: servers forget it."""
        if self._buffer:
            yield from self._take(bytes(self._buffer).rstrip(b"\r"))
            self._buffer.clear()
        yield from self._take(b"")

    def _take(self, line: bytes) -> Iterator[bytes]:
        if self._first:
            line, self._first = line.removeprefix(b"\xef\xbb\xbf"), False
        if not line:
            if self._data:
                yield b"\n".join(self._data)
                self._data = []
            return
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" "))
