"""A Python signal handler that interrupts the main thread while it waits in plain code."""

from __future__ import annotations

import signal
import threading
from types import FrameType

from matrix.contexts._observe import ALL_FACTS, POSIX, stack_has
from matrix.model import Cell, Context, Facts, Inside, Job

CONTEXT = Context(
    "signal_handler_idle",
    summary="in a signal handler, the main thread waiting in plain code",
    facts=Facts(
        running_loop=None,
        current_task=False,
        main_thread=True,
        evidence={"signal": "SIGALRM", "handler": "on the stack", "interrupted": "_wait_for_signal"},
    ),
    platforms=POSIX,
    inside=Inside(keeps=ALL_FACTS, main_thread=True),
)


def host(job: Job) -> None:
    for cell in job.cells:
        _wait_for_signal(job, cell)


def _wait_for_signal(job: Job, cell: Cell) -> None:
    idle = threading.Lock()
    heard: list[int] = []

    def handler(signum: int, frame: FrameType | None) -> None:
        heard.append(signum)
        signal.setitimer(signal.ITIMER_REAL, 0)
        if len(heard) > 1:
            return
        evidence = {
            "signal": signal.Signals(signum).name,
            "handler": stack_has(handler.__code__),
            "interrupted": frame.f_code.co_name if frame is not None else "nothing",
        }
        job.perform(cell, evidence=evidence)
        idle.release()

    previous = signal.signal(signal.SIGALRM, handler)
    idle.acquire()
    # From a timer of the system, not from a thread: this thread is then at the wait below. And again: a
    # signal that comes a few microseconds before this thread falls asleep there would be heard at its end.
    signal.setitimer(signal.ITIMER_REAL, 0.005, 0.1)
    idle.acquire()
    signal.signal(signal.SIGALRM, previous)
