"""What the supervisor reads: connections of its hosts, their output, and the one place that waits for all."""

from __future__ import annotations

import contextlib
import os
import selectors
from typing import TYPE_CHECKING

from matrix.capture import Capture
from matrix.process import Readable, readable_output
from matrix.wire import Lines

if TYPE_CHECKING:
    import socket
    import subprocess
    from collections.abc import Callable

__all__ = ("Connection", "Output", "Watch")


class Watch:
    """Waits for many descriptors at once and calls back for each that can be read."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def add(self, readable: Readable, callback: Callable[[], object]) -> None:
        """Call ``callback`` from :meth:`turn` whenever ``readable`` can be read."""
        self._selector.register(readable, selectors.EVENT_READ, callback)

    def remove(self, readable: Readable) -> None:
        """Forget ``readable``; it may be forgotten already."""
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(readable)

    def turn(self, seconds: float) -> None:
        """Wait until something can be read, at most ``seconds``, and call back for all that can."""
        for key, _ in self._selector.select(max(0.0, seconds)):
            # An earlier callback of this turn may have closed what this one is about.
            if self._selector.get_map().get(key.fd) is key:
                key.data()

    def close(self) -> None:
        """Release the selector's own descriptor."""
        self._selector.close()


class Connection:
    """One accepted stream, and which process is at its other end once it has said so."""

    def __init__(self, stream: socket.socket) -> None:
        stream.setblocking(False)
        self.stream = stream
        self.lines = Lines()
        self.pid = 0

    def receive(self) -> bytes | None:
        """Return what has arrived: None when nothing has, empty when the stream has ended."""
        try:
            return self.stream.recv(65536)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError:
            return b""


class Output:
    """What a host and its descendants write to stdout and stderr, as far as it is kept."""

    def __init__(self, process: subprocess.Popen[bytes], watch: Watch) -> None:
        assert process.stdout is not None
        self._readable = readable_output(process.stdout)
        self._capture = Capture()
        self._watch = watch
        self._open = True
        watch.add(self._readable, self.read)

    def read(self) -> bool:
        """Take one piece; return whether there was one."""
        if not self._open:
            return False
        try:
            data = os.read(self._readable.fileno(), 65536) if os.name == "posix" else self._receive()
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if data:
            self._capture.feed(data)
        else:
            self.close()
        return bool(data)

    def text(self) -> str:
        """Return what is kept."""
        return self._capture.text()

    def close(self) -> None:
        """Stop reading."""
        if self._open:
            self._open = False
            self._watch.remove(self._readable)
            self._readable.close()

    def _receive(self) -> bytes:
        """Read where the output comes over a socket of ours, because pipes cannot be waited for."""
        carrier = self._readable
        assert not hasattr(carrier, "read")
        return carrier.recv(65536)
