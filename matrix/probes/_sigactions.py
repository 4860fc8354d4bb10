"""What the system holds for signals: Python's own table does not tell of handlers that code in C has set."""

from __future__ import annotations

import ctypes
import signal
import sys
from collections.abc import Mapping

from matrix.model import Facts

__all__ = (
    "changes",
    "handler_of",
    "look_at_sigactions",
    "only_where_sigactions_can_be_read",
    "put_sigactions_back",
)

_WATCHED = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGCHLD", "SIGPIPE")
_SIZE = 256
"""Bytes; the largest struct sigaction has 152."""
_POINTER = ctypes.sizeof(ctypes.c_void_p)


def only_where_sigactions_can_be_read(facts: Facts) -> str | None:
    """Skip where there is no ``sigaction()``."""
    del facts
    return None if sys.platform in ("linux", "darwin") else "this system has no sigaction()"


def look_at_sigactions() -> dict[str, bytes]:
    """Return the raw sigaction of each signal that programs handle: handler, flags and mask."""
    system, found = ctypes.CDLL(None), {}
    for name in _WATCHED:
        buffer = ctypes.create_string_buffer(_SIZE)
        system.sigaction(int(signal.Signals[name]), None, buffer)
        found[name] = buffer.raw
    return found


def handler_of(raw: bytes) -> str:
    """Return the address of the handler."""
    return raw[:_POINTER].hex()


def changes(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> dict[str, tuple[str, str]]:
    """Return which signals have another handler, mask or flags; glibc leaves the rest of a mask to chance."""
    told = {name: (_told(raw), _told(after[name])) for name, raw in before.items()}
    return {name: (was, now) for name, (was, now) in told.items() if was != now}


def _told(raw: bytes) -> str:
    flags = raw[_POINTER + 128 : _POINTER + 132] if sys.platform == "linux" else b""
    return f"{handler_of(raw)} {raw[_POINTER : _POINTER + 8].hex()} {flags.hex()}"


def put_sigactions_back(raw: dict[str, bytes]) -> None:
    """Have the system hold them again, for the sake of the probes that share this process."""
    system = ctypes.CDLL(None)
    for name, sigaction in raw.items():
        system.sigaction(int(signal.Signals[name]), sigaction, None)
