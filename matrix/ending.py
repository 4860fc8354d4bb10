"""The end of hosts: which processes descend from one, and how all of them are killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ("Family", "end_all", "relatives")

# Seconds for which a kill is repeated, for processes that fork faster than they are found. A guess: one
# round takes some milliseconds.
KILLING = 3.0
HAS_PROC = os.path.exists("/proc/self/environ")


@dataclass(frozen=True)
class Family:
    """What tells the processes of one host, or of all hosts of a run, from all others.

    Attributes:
        leaders: the processes that were started as leaders of sessions and groups.
        mark: how an entry of their environment begins, which every descendant inherits.
        reported: processes that have said that they belong to it.
    """

    leaders: frozenset[int]
    mark: str
    reported: frozenset[int] = frozenset()


def relatives(family: Family) -> set[int]:
    """Return the living processes of a family, leaders included.

    Known by their environment or their session where there is ``/proc``. Elsewhere by their parents, so not
    those whose parents have ended, and by what they reported. Nothing here finds a process that has both
    emptied its environment and begun a session of its own, nor a chain of forks that begins a session at
    each step, faster than ``/proc`` can be read.
    """
    if HAS_PROC:
        return _relatives_by_proc(family)
    return _descendants(family.leaders) | {pid for pid in family.reported if _lives(pid)}


def end_all(family: Family) -> None:
    """Kill every process of a family, wherever it has gone; blocks until none is left to be found.

    A leader must not have been waited for, or a moment ago only: otherwise its number may be another's.
    """
    if os.name != "posix":
        _end_by_taskkill(family.leaders)
        return
    found = set() if HAS_PROC else relatives(family)
    for leader in family.leaders:
        _kill_group(leader)
    if not HAS_PROC:
        _kill(found)
        return
    limit = time.monotonic() + KILLING
    while (found := relatives(family)) and time.monotonic() < limit:
        # The kernel kills a group at once, so that no member forks its way out. Groups are not shared
        # with strangers: they are parts of a session, and each of these was begun within the family.
        for group in {_group_of(pid) for pid in found} - {0, os.getpgrp()}:
            _kill_group(group)
        _kill(found)


def _relatives_by_proc(family: Family) -> set[int]:
    wanted = b"\0" + os.fsencode(family.mark)
    found = set()
    for name in os.listdir("/proc"):
        if not name.isdecimal() or (pid := int(name)) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            if (os.getsid(pid) in family.leaders and _lives(pid)) or wanted in _environment(pid):
                found.add(pid)
    return found


def _environment(pid: int) -> bytes:
    with open(f"/proc/{pid}/environ", "rb") as file:
        return b"\0" + file.read()


def _lives(pid: int) -> bool:
    """Whether a process is there and more than an exit code that nobody has asked for."""
    try:
        os.kill(pid, 0)
        if not HAS_PROC:
            return True
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] not in {b"Z", b"X"}
    except OSError:
        return False


def _descendants(roots: Iterable[int]) -> set[int]:
    """Return some processes and those below them by parentage; for systems without ``/proc``."""
    listing = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=False)
    children: dict[int, list[int]] = {}
    for line in listing.stdout.splitlines():
        pid, parent = (int(word) for word in line.split())
        children.setdefault(parent, []).append(pid)
    waiting = list(roots)
    found: set[int] = {root for root in waiting if _lives(root)}
    while waiting:
        below = children.get(waiting.pop(), [])
        found.update(below)
        waiting += below
    return found


def _group_of(pid: int) -> int:
    with contextlib.suppress(OSError):
        return os.getpgid(pid)
    return 0


def _kill_group(group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def _kill(pids: Iterable[int]) -> None:
    for pid in pids:
        if pid != os.getpid():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def _end_by_taskkill(pids: Iterable[int]) -> None:
    for pid in pids:
        subprocess.run(["taskkill", "/T", "/F", "/PID", str(pid)], capture_output=True, check=False)
