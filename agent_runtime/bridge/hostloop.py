"""The event loop that may run in the calling thread: seen, and put out of sight for a while."""

from __future__ import annotations

import asyncio
from asyncio import events, tasks
from collections.abc import Callable
from typing import TypeVar

__all__ = ("call_without_loop", "running_loop")

T = TypeVar("T")

running_loop: Callable[[], asyncio.AbstractEventLoop | None] = events._get_running_loop  # noqa: SLF001
"""Return the event loop that runs in this thread, or None; never raises, never makes one."""


def call_without_loop(fn: Callable[..., T], *args: object) -> T:
    """Call ``fn(*args)`` as a plain script would: with no running loop to be seen in this thread.

    The loop of a thread that waits in a sync call stands still, and yet the thread is marked as
    running it. Code that asks (an ORM's async-safety check, a browser driver's sync API,
    ``asyncio.run``) would refuse to work. The mark and the current task are taken off meanwhile;
    these are the functions that asyncio documents for authors of event loops.
    """
    __tracebackhide__ = True
    loop = running_loop()
    if loop is None:
        return fn(*args)
    task = tasks.current_task(loop)
    if task is not None:
        tasks._leave_task(loop, task)  # noqa: SLF001
    events._set_running_loop(None)  # noqa: SLF001
    try:
        return fn(*args)
    finally:
        events._set_running_loop(loop)  # noqa: SLF001
        if task is not None:
            tasks._enter_task(loop, task)  # noqa: SLF001
