"""The supervisor's door: lets newcomers in, hears who they are, hands them on or shows them out."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from matrix import wire
from matrix.streams import Connection

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from pathlib import Path

    from matrix.streams import Watch

__all__ = ("Door",)

# Connections that have not yet said whose they are; more are strangers knocking.
MAX_UNKNOWN = 64


class Door:
    """Listens in ``folder``; every newcomer's hello goes to ``adopt``, which says whether it is known."""

    def __init__(self, folder: Path, watch: Watch, adopt: Callable[[wire.Message, Connection], bool]) -> None:
        self.folder = folder
        self._watch = watch
        self._adopt = adopt
        self._listener, self.address = wire.listen(folder)
        self._unknown: list[Connection] = []
        watch.add(self._listener, self._accept)

    def drain(self) -> None:
        """Let in and identify everybody who has knocked until now."""
        self._accept()
        for connection in [*self._unknown]:
            self._identify(connection)

    def close(self) -> None:
        """Stop listening and let go of everybody who is not known."""
        for connection in [*self._unknown]:
            self._refuse(connection)
        self._watch.remove(self._listener)
        self._listener.close()

    def _accept(self) -> None:
        while (stream := self._next()) is not None:
            connection = Connection(stream)
            self._unknown.append(connection)
            self._watch.add(stream, functools.partial(self._identify, connection))
            if len(self._unknown) > MAX_UNKNOWN:
                self._refuse(self._unknown[0])

    def _next(self) -> socket.socket | None:
        try:
            return self._listener.accept()[0]
        except OSError:
            return None

    def _identify(self, connection: Connection) -> None:
        data = connection.receive()
        if data is None:
            return
        try:
            line = connection.lines.first(data)
            hello = None if line is None else wire.decode(line)
        except wire.WireError:
            self._refuse(connection)
            return
        if hello is None:
            if not data:
                self._refuse(connection)
            return
        self._forget(connection)
        connection.pid = hello.pid
        if hello.kind != "hello" or not self._adopt(hello, connection):
            connection.stream.close()

    def _refuse(self, connection: Connection) -> None:
        self._forget(connection)
        connection.stream.close()

    def _forget(self, connection: Connection) -> None:
        self._unknown.remove(connection)
        self._watch.remove(connection.stream)
