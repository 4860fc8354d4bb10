"""A Python signal handler that interrupts a running loop while it waits for events in ``select``."""

from __future__ import annotations

import asyncio
import selectors
import signal
from types import FrameType

from matrix.contexts._observe import ASYNCIO_LOOPS, POSIX, stack_has
from matrix.model import Cell, Context, Facts, Inside, Job

CONTEXT = Context(
    "signal_handler_in_loop",
    summary="in a signal handler, asyncio.run()'s loop waiting for events",
    facts=Facts(
        running_loop=ASYNCIO_LOOPS,
        current_task=False,
        main_thread=True,
        evidence={"signal": "SIGALRM", "handler": "on the stack", "interrupted": "select"},
    ),
    platforms=POSIX,
    inside=Inside(keeps=("main_thread", "kernel"), no_loop=True, main_thread=True),
)


def host(job: Job) -> None:
    async def main() -> None:
        for cell in job.cells:
            await _interrupted(job, cell)

    previous = signal.getsignal(signal.SIGALRM)
    asyncio.run(main())
    signal.signal(signal.SIGALRM, previous)


async def _interrupted(job: Job, cell: Cell) -> None:
    loop = asyncio.get_running_loop()
    performed = asyncio.Event()
    heard: list[int] = []

    def handler(signum: int, frame: FrameType | None) -> None:
        if heard or not _in_select(frame):
            return  # the loop was busy: the timer comes again until it waits
        heard.append(signum)
        signal.setitimer(signal.ITIMER_REAL, 0)
        evidence = {
            "signal": signal.Signals(signum).name,
            "handler": stack_has(handler.__code__),
            "interrupted": "select",
        }
        job.perform(cell, evidence=evidence)
        loop.call_soon_threadsafe(performed.set)  # nothing else would wake the wait that goes on now

    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.005, 0.005)
    await performed.wait()


def _in_select(frame: FrameType | None) -> bool:
    return frame is not None and frame.f_code is selectors.DefaultSelector.select.__code__
