"""What Linux tells of other processes in ``/proc``: threads, what they wait in, what could end the wait.

Nothing is attached and no signal is sent: who is looked at does not notice. Needs the rights of a parent.
"""

from __future__ import annotations

import contextlib
import os
import platform
import socket
import struct
from dataclasses import dataclass
from pathlib import Path

__all__ = ("Reading", "Wait", "below", "ends_outside", "read_threads", "why_unreadable")

# Milliseconds. Nobody waits for such a timer; loops that want to sleep for ever ask for 24 hours.
FOR_EVER = 3_600_000
# Of an answer of the kernel's socket list.
PEER = 2


@dataclass(frozen=True)
class Wait:
    """What a system call waits for.

    Attributes:
        kind: "lock", "descriptors", "timer", "child", or "other".
        call: the system call's name.
        timed: whether it ends by itself.
        descriptors: what has to become ready; None where that cannot be told.
    """

    kind: str
    call: str
    timed: bool = False
    descriptors: tuple[int, ...] | None = ()


@dataclass(frozen=True)
class Reading:
    """One thread at one moment; the counters grow for as long as it lives.

    Attributes:
        pid, tid: whose thread it is, and its number.
        state: the kernel's letter.
        cpu: nanoseconds on a processor.
        delay: nanoseconds of being ready and not getting one.
        turns: how often it has got one.
        wait: what it waits for; None while it does not.
    """

    pid: int
    tid: int
    state: str
    cpu: int
    delay: int
    turns: int
    wait: Wait | None


# System calls that pause a thread, by their number.
X86_64 = {
    202: "futex", 232: "epoll_wait", 281: "epoll_pwait", 441: "epoll_pwait2", 7: "poll", 271: "ppoll",
    23: "select", 270: "pselect6", 0: "read", 45: "recvfrom", 47: "recvmsg", 43: "accept", 288: "accept4",
    35: "nanosleep", 230: "clock_nanosleep", 61: "wait4", 247: "waitid", 42: "connect", 1: "write",
    44: "sendto", 46: "sendmsg",
}  # fmt: skip
AARCH64 = {
    98: "futex", 22: "epoll_pwait", 441: "epoll_pwait2", 73: "ppoll", 72: "pselect6", 63: "read",
    207: "recvfrom", 212: "recvmsg", 202: "accept", 242: "accept4", 101: "nanosleep",
    115: "clock_nanosleep", 260: "wait4", 95: "waitid", 203: "connect", 64: "write", 206: "sendto",
    211: "sendmsg",
}  # fmt: skip
NAMES = {"x86_64": X86_64, "aarch64": AARCH64}.get(platform.machine(), {})
# What is waited for by those that take one descriptor, or none.
KINDS = {
    "nanosleep": "timer", "clock_nanosleep": "timer", "wait4": "child", "waitid": "child",
    **dict.fromkeys(("read", "recvfrom", "recvmsg", "accept", "accept4"), "descriptors"),
    **dict.fromkeys(("connect", "write", "sendto", "sendmsg"), "descriptors"),
}  # fmt: skip


def why_unreadable() -> str:
    """Return why nothing can be told of other processes here; empty where it can."""
    if not os.path.isdir("/proc/self/task"):
        return "this system has no /proc"
    if not os.path.exists("/proc/self/schedstat"):
        return "this kernel keeps no schedstat"
    if not NAMES:
        return f"the system calls of {platform.machine()} are not known here"
    return ""


def below(root: int) -> list[int]:
    """Return a process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdecimal():
            with contextlib.suppress(OSError, IndexError):
                children.setdefault(int(_stat(f"/proc/{name}")[1]), []).append(int(name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def read_threads(pid: int) -> list[Reading]:
    """Return a reading of each thread of a process; none when it is gone.

    Raises:
        PermissionError: it belongs to somebody else.
    """
    readings = []
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for name in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                readings.append(_reading(pid, int(name)))
    return readings


def ends_outside(pid: int, descriptors: tuple[int, ...], inside: frozenset[int]) -> bool:
    """Whether something outside the processes ``inside`` could make one of a process's descriptors ready."""
    return any(_ends_outside(pid, number, inside) for number in descriptors)


def _reading(pid: int, tid: int) -> Reading:
    place = f"/proc/{pid}/task/{tid}"
    state = _stat(place)[0]
    cpu, delay, turns = map(int, Path(place, "schedstat").read_text(encoding="ascii").split())
    words = Path(place, "syscall").read_text(encoding="ascii").split()
    wait = None
    if len(words) > 2 and words[0] != "-1":
        wait = _wait(pid, int(words[0]), [int(word, 16) for word in words[1:]])
    return Reading(pid, tid, state, cpu, delay, turns, wait)


def _stat(place: str) -> list[str]:
    """Return the fields of a ``stat`` file from the state on; the name before may hold anything."""
    return Path(place, "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()


def _wait(pid: int, number: int, arguments: list[int]) -> Wait:
    name = NAMES.get(number, f"system call {number}")
    match name:
        case "futex":
            return Wait("lock", name, timed=arguments[3] != 0)
        case "epoll_wait" | "epoll_pwait" | "epoll_pwait2":
            timed = arguments[3] != 0 if name == "epoll_pwait2" else _ends(arguments[3])
            return Wait("descriptors", name, timed, _watched(pid, arguments[0]))
        case "poll" | "ppoll":
            timed = arguments[2] != 0 if name == "ppoll" else _ends(arguments[2])
            return Wait("descriptors", name, timed, _polled(pid, arguments[0], arguments[1]))
        case "select" | "pselect6":
            return Wait("descriptors", name, arguments[4] != 0, _selected(pid, arguments))
    kind = KINDS.get(name, "other")
    descriptors = (arguments[0],) if kind == "descriptors" else ()
    return Wait(kind, name, kind == "timer", descriptors)


def _ends(milliseconds: int) -> bool:
    """Whether a timeout, as the kernel shows it, ends a wait that somebody still waits for."""
    return milliseconds & 0xFFFFFFFF < min(FOR_EVER, 1 << 31)


def _watched(pid: int, epoll: int) -> tuple[int, ...] | None:
    try:
        lines = Path(f"/proc/{pid}/fdinfo/{epoll}").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return tuple(int(line.split()[1]) for line in lines if line.startswith("tfd:"))


def _polled(pid: int, address: int, count: int) -> tuple[int, ...] | None:
    data = _memory(pid, address, 8 * count)
    return None if data is None else tuple(number for number, _ in struct.iter_unpack("=iI", data))


def _selected(pid: int, arguments: list[int]) -> tuple[int, ...] | None:
    count = arguments[0]
    found: set[int] = set()
    for address in filter(None, arguments[1:4]):
        data = _memory(pid, address, (count + 63) // 64 * 8)
        if data is None:
            return None
        bits = int.from_bytes(data, "little")
        found.update(number for number in range(count) if bits >> number & 1)
    return tuple(sorted(found))


def _memory(pid: int, address: int, size: int) -> bytes | None:
    try:
        with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
            memory.seek(address)
            data = memory.read(size)
    except (OSError, OverflowError, ValueError):
        return None
    return data if len(data) == size else None


def _ends_outside(pid: int, number: int, inside: frozenset[int]) -> bool:
    try:
        target = os.readlink(f"/proc/{pid}/fd/{number}")
    except OSError:
        return False  # closed while it was waited for: nothing comes of it any more
    kind, _, inode = target.partition(":")
    if target == "anon_inode:[eventfd]":
        return False
    if kind == "pipe":
        return bool(_holders(target) - inside)
    if kind != "socket":
        return True
    peer = _peers(pid).get(int(inode.strip("[]")))
    return peer is None or not _holders(f"socket:[{peer}]") or bool(_holders(f"socket:[{peer}]") - inside)


def _holders(target: str) -> set[int]:
    """Return the processes that hold a pipe or socket open, as far as they can be looked at."""
    found = set()
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if name.isdecimal() and any(
                os.readlink(f"/proc/{name}/fd/{number}") == target
                for number in os.listdir(f"/proc/{name}/fd")
            ):
                found.add(int(name))
    return found


def _peers(pid: int) -> dict[int, int]:
    """Return the other end of each connected socket, inode by inode, where the kernel tells."""
    peers: dict[int, int] = {}
    with contextlib.suppress(OSError):
        peers.update(_unix_peers())
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{pid}/net/{table}").read_text(encoding="ascii").splitlines()[1:]
            rows = {(line.split()[1], line.split()[2]): int(line.split()[9]) for line in lines}
            peers.update(
                {inode: rows[far, near] for (near, far), inode in rows.items() if (far, near) in rows}
            )
    return peers


def _unix_peers() -> dict[int, int]:
    """Ask the kernel's socket list (``sock_diag(7)``) for both ends of all Unix connections."""
    everything = 0xFFFFFFFF
    ask = struct.pack("=BBHIIIII", socket.AF_UNIX, 0, 0, everything, 0, 1 << PEER, everything, everything)
    header = struct.pack("=IHHII", 16 + len(ask), 20, 0x301, 1, 0)
    peers: dict[int, int] = {}
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4) as link:
        link.settimeout(1.0)
        link.send(header + ask)
        while True:
            data = link.recv(1 << 20)
            while len(data) >= 16:
                length, kind = struct.unpack_from("=IH", data)
                if kind != 20:  # the end of the list, or an error
                    return peers
                inode = struct.unpack_from("=I", data, 20)[0]
                peer = _attribute(data[32:length], PEER)
                if peer:
                    peers[inode] = peer
                data = data[(length + 3) & ~3 :]


def _attribute(data: bytes, wanted: int) -> int:
    """Return the number in one attribute of an answer; 0 where there is none."""
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        if kind == wanted:
            return int(struct.unpack_from("=I", data, 4)[0])
        data = data[max(4, (length + 3) & ~3) :]
    return 0
