"""Child processes of the supervisor: start a group, watch for its end, end it with all descendants.

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

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ("Readable", "end_all", "readable_output", "sentinel", "start")

# How often a kill is repeated for processes that were forked while it went on; a guess.
KILL_ROUNDS = 20
HAS_PROC = os.path.exists("/proc/self/environ")


class Readable(Protocol):
    """What a selector can wait for, and what has to be closed afterwards."""

    def fileno(self) -> int:
        """Return the descriptor to wait for."""

    def close(self) -> None:
        """Release the descriptor."""


def start(command: list[str], *, assignment: Path, python_path: Iterable[str]) -> subprocess.Popen[bytes]:
    """Start a host as the leader of a process group of its own, output in one pipe, input empty."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    inherited = os.environ.get("PYTHONPATH")
    environment["PYTHONPATH"] = os.pathsep.join([*python_path, *([inherited] if inherited else [])])
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
    if hasattr(os, "pidfd_open"):
        with contextlib.suppress(OSError):  # a kernel or sandbox without pidfd_open
            return _Descriptor(os.pidfd_open(process.pid))
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


def end_all(process: subprocess.Popen[bytes], *, marker: str, reported: Iterable[int]) -> None:
    """Kill the process group of a host and every descendant of it, wherever it has gone.

    Descendants may lead groups of their own (a notebook kernel does): they are known by the job in
    their environment, by what they reported, or by their parents, whichever this system can tell.
    """
    if os.name != "posix":
        subprocess.run(["taskkill", "/T", "/F", "/PID", str(process.pid)], capture_output=True, check=False)
        return
    if HAS_PROC:
        _kill_group(process)
        for _ in range(KILL_ROUNDS):
            found = _marked(marker)
            if not found:
                return
            _kill(found)
        return
    found = _descendants(process.pid) | set(reported)
    _kill_group(process)
    _kill(found)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    # Called while the leader is not reaped, or (without pidfd) a moment after: its number is not used
    # again that soon, and not at all while its group has a member.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _kill(pids: Iterable[int]) -> None:
    for pid in pids:
        if pid != os.getpid():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def _marked(marker: str) -> set[int]:
    """Return the processes whose environment names the job."""
    wanted = f"{VARIABLE}={marker}\0".encode()
    found = set()
    for name in os.listdir("/proc"):
        if not name.isdecimal():
            continue
        with contextlib.suppress(OSError), open(f"/proc/{name}/environ", "rb") as file:
            if wanted in file.read():
                found.add(int(name))
    return found


def _descendants(root: int) -> set[int]:
    """Return the processes below ``root`` by parentage; for systems without ``/proc``."""
    listing = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=False)
    children: dict[int, list[int]] = {}
    for line in listing.stdout.splitlines():
        pid, parent = (int(word) for word in line.split())
        children.setdefault(parent, []).append(pid)
    found: set[int] = set()
    waiting = [root]
    while waiting:
        below = children.get(waiting.pop(), [])
        found.update(below)
        waiting += below
    return found
