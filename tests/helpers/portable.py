"""Functions and classes that another process can import: for what is tested across its border."""

from __future__ import annotations

import contextvars
import os
import signal
import threading
import time
from pathlib import Path

__all__ = (
    "OddError",
    "caller",
    "die",
    "die_once",
    "fail",
    "fail_oddly",
    "give_back_a_lock",
    "noted",
    "process",
    "square",
    "wait_for",
)

caller: contextvars.ContextVar[str] = contextvars.ContextVar("caller", default="nobody")


class OddError(Exception):
    """Cannot be pickled: says nothing of what it was made with."""

    def __init__(self, code: int, *, reason: str) -> None:
        super().__init__(f"{reason} ({code})")


def square(number: int) -> int:
    return number * number


def process(number: int) -> int:
    return os.getpid()


def fail(number: int) -> None:
    try:
        raise KeyError(number)
    except KeyError as cause:
        error = ValueError(f"{number} is refused")
        error.add_note("ask again")
        raise error from cause


def fail_oddly(number: int) -> None:
    raise OddError(number, reason="odd")


def give_back_a_lock(number: int) -> object:
    return threading.Lock()


def note(folder: str, name: object) -> int:
    """Note in a file that somebody was here; return how often by now."""
    path = Path(folder) / str(name)
    with path.open("a") as file:
        file.write(f"{os.getpid()}\n")
    return len(path.read_text().splitlines())


def noted(number: int, folder: str) -> int:
    """Note the run under a name of its own."""
    note(folder, f"noted {number}")
    return number


def die_once(number: int, folder: str, fatal: int) -> int:
    """Note the run; the first time that it is the fatal one, kill the process that does it."""
    if note(folder, number) == 1 and number == fatal:
        os.kill(os.getpid(), signal.SIGKILL)
    note(folder, f"{number} done")
    return number


def die(number: int, folder: str, fatal: int) -> int:
    """Note the run; kill the process that does the fatal one."""
    note(folder, number)
    if number == fatal:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def wait_for(number: int, folder: str, limit: float = 30.0) -> int:
    """Note the run, and wait until a file named go is there."""
    note(folder, number)
    until = time.monotonic() + limit
    while not (Path(folder) / "go").exists():
        assert time.monotonic() < until
        time.sleep(0.01)
    return number
