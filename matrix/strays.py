"""What a host leaves behind when it ends well: processes that go on, and during which cell each began."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matrix.model import Cell

__all__ = ("Span", "Stray", "age_of_this_process", "boot_clock", "sentence_on", "strays_of")

# Of a longer command nobody reads the rest.
MAX_COMMAND = 160
# Of python3.14t, say.
_VERSION = re.compile(r"\d[\d.]*t?$")


@dataclass(frozen=True)
class Stray:
    """A process that has outlived its host.

    Attributes:
        pid: its number.
        command: its command line, on one line.
        began: when it began, by :func:`boot_clock`; None where the system does not tell.
    """

    pid: int
    command: str
    began: float | None = None

    @property
    def essence(self) -> str:
        """The command without what differs between machines: where the program is, and its version."""
        program, _, arguments = self.command.partition(" ")
        return f"{_VERSION.sub('', PurePath(program).name)} {arguments}"


@dataclass(frozen=True)
class Span:
    """From when until when a cell ran, by :func:`boot_clock` of the process that performed it."""

    cell: Cell
    first: float
    last: float


def boot_clock() -> float:
    """Return the seconds since the system started, by the clock that tells when processes began.

    Zero where there is no such clock.
    """
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return 0.0 if clock is None else time.clock_gettime(clock)


def age_of_this_process() -> float | None:
    """Return for how many seconds this process has been there, to a hundredth; None where nothing tells."""
    began, now = _began(os.getpid()), boot_clock()
    return None if began is None or not now else now - began


def strays_of(pids: Iterable[int]) -> list[Stray]:
    """Return what there is to say of some processes; those that have ended meanwhile are left out."""
    found = []
    for pid in sorted(pids):
        command = _command(pid)
        if command:
            found.append(Stray(pid, " ".join(command.split())[:MAX_COMMAND], _began(pid)))
    return found


def sentence_on(stray: Stray, spans: Sequence[Span]) -> str:
    """Return what there is to say of one process: its command, and which cell was running when it began."""
    said = f"`{stray.command}` (process {stray.pid})"
    if stray.began is None or not any(span.first for span in spans):
        return said
    tick = 1 / os.sysconf("SC_CLK_TCK")
    # The kernel tells the tick in which it began; cells are shorter than that, some of them.
    during = [span.cell for span in spans if span.first < stray.began + tick and stray.began <= span.last]
    if during:
        return f"{said}, which began while {' or '.join(cell.id for cell in during)} ran"
    return f"{said}, which began while no cell ran: it is the context's"


def _command(pid: int) -> str:
    with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
        return file.read().replace(b"\0", b" ").decode(errors="replace")
    if os.path.isdir("/proc/self"):
        return ""
    with contextlib.suppress(OSError):
        told = subprocess.run(
            ["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        return told.stdout
    return ""


def _began(pid: int) -> float | None:
    with contextlib.suppress(OSError, ValueError, IndexError), open(f"/proc/{pid}/stat", "rb") as file:
        # proc(5): field 22 is the start time; the second field may hold anything, brackets included.
        return int(file.read().rpartition(b")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
    return None
