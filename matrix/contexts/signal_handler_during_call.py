"""A Python signal handler that interrupts a sync call, and makes the same call again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from types import FrameType

from matrix.contexts._observe import ALL_FACTS, POSIX, stack_has
from matrix.model import Cell, Context, Facts, Inside, Job, Source

CONTEXT = Context(
    "signal_handler_during_call",
    summary="in a signal handler that interrupts a sync call in progress",
    facts=Facts(
        running_loop=None,
        current_task=False,
        main_thread=True,
        evidence={"signal": "SIGUSR1", "handler": "on the stack", "outer call": "in progress"},
    ),
    platforms=POSIX,
    inside=Inside(keeps=ALL_FACTS, main_thread=True),
    without={"survives_a_dead_loop_thread": "the host itself waits in a call on the loop that fails there"},
)

_OUTER = """
name: outer
steps:
  - id: interrupt
    tool: interrupt
"""


def host(job: Job) -> None:
    for cell in job.cells:
        _call(job, cell)


_PAUSE = 0.1
"""Seconds between two signals. The first may come a few microseconds before the main thread falls asleep
in a bridge's wait without limit: the interpreter notes it, and runs the handler when the wait ends."""


def _call(job: Job, cell: Cell) -> None:
    in_progress: list[Callable[[], object]] = []
    heard: list[bool] = []

    async def interrupt() -> None:
        performed = asyncio.Event()
        loop = asyncio.get_running_loop()
        in_progress.append(lambda: loop.call_soon_threadsafe(performed.set))
        while not heard:
            os.kill(os.getpid(), signal.SIGUSR1)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(performed.wait(), _PAUSE)
        await performed.wait()

    def handler(signum: int, frame: FrameType | None) -> None:
        del frame
        if heard:
            return  # a second signal was sent before the first was heard
        heard.append(True)
        evidence = {
            "signal": signal.Signals(signum).name,
            "handler": stack_has(handler.__code__),
            "outer call": "in progress" if in_progress else "not begun",
        }
        job.perform(cell, evidence=evidence)
        in_progress.pop()()

    previous = signal.signal(signal.SIGUSR1, handler)
    job.run_of(cell)(Source(_OUTER, tools={"interrupt": interrupt}), {})
    signal.signal(signal.SIGUSR1, previous)
