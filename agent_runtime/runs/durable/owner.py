"""Who holds a lease, as a text; and whether such a one is known to be dead, so that nobody has to wait."""

from __future__ import annotations

import os

__all__ = ("is_known_to_be_dead", "new_owner", "process_of")


def new_owner() -> str:
    """Return a text for one taking in hand of one run: where, in which process, and a random part."""
    process = os.getpid()
    return f"{_place()} {process} {_born(process)[0]} {os.urandom(8).hex()}"


def process_of(owner: str) -> str:
    """Return who it is, for people."""
    _, process, *_ = owner.split(" ")
    return f"process {process}"


def is_known_to_be_dead(owner: str) -> bool:
    """Whether this owner's process has ended: only told on the same Linux, in the same space of processes."""
    place, process, born, *_ = owner.split(" ")
    if place != _place() or place == "-":
        return False
    now, state = _born(int(process))
    return now != born or state in ("Z", "X")


def _place() -> str:
    """Return what makes process ids mean the same: the boot, and the space of processes."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return f"{file.read().strip()}/{os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return "-"


def _born(process: int) -> tuple[str, str]:
    """Return when a process was started, in ticks since the boot, and its state; empty if there is none."""
    try:
        with open(f"/proc/{process}/stat", encoding="ascii", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return "-", "X"
    return fields[19], fields[0]
