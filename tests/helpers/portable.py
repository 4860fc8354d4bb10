"""Functions and classes that another process can import: for what is tested across its border."""

from __future__ import annotations

import asyncio
import contextvars
import os
import signal
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = (
    "OddError",
    "Slow",
    "caller",
    "count_on",
    "die",
    "die_once",
    "fail",
    "fail_oddly",
    "give_back_a_lock",
    "hold",
    "noted",
    "process",
    "square",
    "wait_and_fail",
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


class Slow:
    """An LLM client that notes the run which asks it something slow, and is never done with that."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    async def call_llm(
        self,
        *,
        messages: Sequence[Mapping[str, object]],
        metadata: Mapping[str, str],
        **_question: object,
    ) -> Mapping[str, object]:
        if messages[-1]["content"] == "slow":
            path = Path(self._folder) / "writing"
            path.write_text(metadata["instance_id"])
            path.rename(path.with_name("slow"))
            await asyncio.sleep(3600)
        return {"content": "yes"}


def count_on(number: int, folder: str) -> int:
    return number + 1


def wait_and_fail(number: int, folder: str) -> None:
    """Fail as soon as another run has begun."""
    while not (Path(folder) / "began 1").exists():
        time.sleep(0.01)
    raise ValueError(f"{number} is refused")


async def hold(number: int, folder: str) -> int:
    """Note the run; but for the first one, wait to be cancelled, and clean up."""
    note(folder, f"began {number}")
    if number == 0:
        while not (Path(folder) / "began 1").exists():
            await asyncio.sleep(0.01)
        return number
    try:
        await asyncio.sleep(3600)
    finally:
        await asyncio.sleep(0.01)
        note(folder, f"cleaned {number}")
    return number


def wait_for(number: int, folder: str, limit: float = 30.0) -> int:
    """Note the run, and wait until a file named go is there."""
    note(folder, number)
    until = time.monotonic() + limit
    while not (Path(folder) / "go").exists():
        assert time.monotonic() < until
        time.sleep(0.01)
    return number
