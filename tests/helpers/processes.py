"""Processes that tests follow by a number that they leave in a file."""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ("comes_true", "is_gone", "note_pid", "processes_of_jobs_below", "wait_for")

# Seconds, for a very busy machine.
LIMIT = 60.0


def note_pid(path: Path) -> str:
    """Return code that writes the process's own number into a file, all of it at once."""
    return (
        f"open({str(path)!r} + '.new', 'w').write(str(os.getpid()));"
        f" os.replace({str(path)!r} + '.new', {str(path)!r})"
    )


def is_gone(path: Path) -> bool:
    """Whether the process that has left its number in a file ends within a limit."""
    pid = int(path.read_text(encoding="utf-8"))
    return comes_true(lambda: _has_ended(pid))


def wait_for(path: Path) -> None:
    """Wait until a file has something in it.

    Raises:
        TimeoutError: it never had.
    """
    if not comes_true(lambda: path.is_file() and path.stat().st_size > 0):
        raise TimeoutError(f"{path} was never written")


def comes_true(condition: Callable[[], bool]) -> bool:
    """Whether something that nobody tells of becomes true within a limit; asks again and again."""
    limit = time.monotonic() + LIMIT
    while time.monotonic() < limit:
        if condition():
            return True
        time.sleep(0.02)
    return False


def processes_of_jobs_below(folder: Path) -> list[str]:
    """Return the processes whose environment names a job of the matrix in a folder, where there is /proc."""
    found = []
    for name in os.listdir("/proc") if os.path.isdir("/proc/self") else []:
        with contextlib.suppress(OSError), open(f"/proc/{name}/environ", "rb") as file:
            if f"MATRIX_JOB={folder}".encode() in file.read():
                found.append(name)
    return found


def _has_ended(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except ProcessLookupError:
        return True
    except FileNotFoundError:
        return os.path.isdir("/proc/self")
