"""The bounded memory of a host's output: the beginning and the end survive a flood."""

from __future__ import annotations

__all__ = ("Capture",)

# What a reader of a failed cell scrolls through at most; a guess.
HEAD = TAIL = 16_384


class Capture:
    """Keeps the first and the last bytes of a stream and counts what fell out between."""

    def __init__(self) -> None:
        self._head = b""
        self._tail = b""
        self._lost = 0

    def feed(self, data: bytes) -> None:
        """Take more of the stream."""
        room = HEAD - len(self._head)
        self._head += data[:room]
        tail = self._tail + data[room:]
        self._lost += max(0, len(tail) - TAIL)
        self._tail = tail[-TAIL:]

    def text(self) -> str:
        """Return what is kept."""
        lost = f"\n... {self._lost} bytes left out ...\n".encode() if self._lost else b""
        return (self._head + lost + self._tail).decode(errors="replace")
