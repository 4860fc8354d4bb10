"""Signal masks of threads and of child processes, as Linux shows them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

from matrix.model import Facts

__all__ = (
    "blocked_in",
    "mask_of_a_child",
    "mask_of_a_child_of_the_loop",
    "only_where_masks_are_shown",
    "sleep_of",
)

_CHILD = ("sed", "-n", "s/^SigBlk:[[:space:]]*//p", "/proc/self/status")
"""Prints the mask that it was started with: programs keep it from whoever starts them."""


def only_where_masks_are_shown(facts: Facts) -> str | None:
    """Skip where no ``/proc`` shows the mask of another thread."""
    del facts
    return None if sys.platform == "linux" else "this system does not show the signal masks of other threads"


def blocked_in(thread: int) -> set[int] | None:
    """Return the signals that a thread of this process blocks, by its native id; None if it has ended."""
    try:
        status = Path(f"/proc/self/task/{thread}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    shown = next(line for line in status.splitlines() if line.startswith("SigBlk:"))
    mask = int(shown.split()[1], 16)
    return {bit + 1 for bit in range(64) if mask >> bit & 1}


def sleep_of(thread: int) -> int | None:
    """Return which of its sleeps a thread of this process is in, by its native id; None while it runs."""
    try:
        status = Path(f"/proc/self/task/{thread}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    shown = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return int(shown["voluntary_ctxt_switches"]) if shown["State"].split()[0] == "S" else None


def mask_of_a_child() -> str:
    """Return the mask that a child process of this thread starts with, as the system writes it."""
    return subprocess.run(_CHILD, capture_output=True, check=True, text=True).stdout.strip()


async def mask_of_a_child_of_the_loop() -> str:
    """Return the same of a child process that the running loop starts."""
    child = await asyncio.create_subprocess_exec(*_CHILD, stdout=asyncio.subprocess.PIPE)
    return (await child.communicate())[0].decode().strip()
