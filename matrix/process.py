"""Child processes of the supervisor: start a host as a group of its own, watch for its output and its end.

Everything here waits by descriptor: the end of a process and its output are things to ``select`` on.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import threading
from typing import IO, TYPE_CHECKING, Protocol

from matrix.assignment import VARIABLE
from matrix.python_path import python_path

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ("Readable", "end_of", "ending_as_sentence", "readable_output", "sentinel", "start")


class Readable(Protocol):
    """What a selector can wait for, and what has to be closed afterwards."""

    def fileno(self) -> int:
        """Return the descriptor to wait for."""

    def close(self) -> None:
        """Release the descriptor."""


def start(command: list[str], *, assignment: Path, folders: Iterable[str]) -> subprocess.Popen[bytes]:
    """Start a host as the leader of a process group of its own, output in one pipe, input empty.

    Args:
        command: the host.
        assignment: the file that says what it is to do.
        folders: where it finds modules before all others.
    """
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPATH"] = python_path(*folders)
    environment["PYTHONUNBUFFERED"] = "1"
    environment[VARIABLE] = str(assignment)
    flags = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        start_new_session=os.name == "posix",
        creationflags=flags,
    )


def end_of(pid: int) -> Readable | None:
    """Return what becomes readable once a process has ended; None if it has, or without pidfd."""
    if hasattr(os, "pidfd_open"):
        with contextlib.suppress(OSError):
            return _Descriptor(os.pidfd_open(pid))
    return None


class _Descriptor:
    """A bare descriptor as something to select on and close."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._descriptor

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self._descriptor)


def sentinel(process: subprocess.Popen[bytes]) -> Readable:
    """Return something that becomes readable when ``process`` has ended."""
    found = end_of(process.pid)
    if found is not None:
        return found
    ours, theirs = socket.socketpair()

    def wait() -> None:
        process.wait()
        theirs.close()

    threading.Thread(target=wait, daemon=True, name=f"matrix-wait-{process.pid}").start()
    return ours


def readable_output(pipe: IO[bytes]) -> socket.socket | IO[bytes]:
    """Return the host's output as something to select on; a thread carries it where pipes are not."""
    if os.name == "posix":
        os.set_blocking(pipe.fileno(), False)
        return pipe
    ours, theirs = socket.socketpair()

    def carry() -> None:
        with pipe, theirs, contextlib.suppress(OSError, ValueError):
            while data := pipe.read1(65536):  # type: ignore[attr-defined]  # a BufferedReader, by Popen
                theirs.sendall(data)

    threading.Thread(target=carry, daemon=True, name="matrix-output").start()
    return ours


def ending_as_sentence(code: int) -> str:
    """Say how a process ended; empty for a good end."""
    if code == 0:
        return ""
    if code > 0:
        return f"the host's process ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"the host's process was killed by {name}"
