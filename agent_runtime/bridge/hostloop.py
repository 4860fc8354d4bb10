"""The event loop that may run in the calling thread: seen, and put out of sight for a while."""

from __future__ import annotations

import asyncio
import sys
import warnings
from asyncio import events, tasks
from collections.abc import Callable
from typing import Protocol, TypeVar

from agent_runtime.errors import BlockedLoopWarning

__all__ = (
    "Named",
    "call_site",
    "call_without_loop",
    "in_notebook_kernel",
    "running_loop",
    "warn_of_blocked_loop",
)

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
    try:  # from here on: a signal handler may raise anywhere
        if task is not None:
            tasks._leave_task(loop, task)  # noqa: SLF001
        events._set_running_loop(None)  # noqa: SLF001
        return fn(*args)
    finally:
        try:
            _put_back(loop, task)
        except BaseException:  # a signal handler's, in the middle of it
            _put_back(loop, task)
            raise


def _put_back(loop: asyncio.AbstractEventLoop, task: asyncio.Task[object] | None) -> None:
    events._set_running_loop(loop)  # noqa: SLF001
    if task is not None and tasks.current_task(loop) is None:
        tasks._enter_task(loop, task)  # noqa: SLF001


THRESHOLD = 1.0
"""Seconds. Shorter stops go unnoticed by most users of a server; a guess."""

_warned: set[tuple[str, int]] = set()


class Named(Protocol):
    """Whoever knows what messages call an entry point and its async variant."""

    @property
    def names(self) -> tuple[str, str]:
        """The two names."""


def warn_of_blocked_loop(named: Named, seconds: float) -> BlockedLoopWarning | None:
    """Warn, once a call site, if the loop of this thread stood still for long; not in a notebook kernel.

    Returns:
        The warning, where warnings are errors.
    """
    if seconds < THRESHOLD or in_notebook_kernel():
        return None
    level, site = call_site()
    if site in _warned:
        return None
    _warned.add(site)
    try:
        warnings.warn(BlockedLoopWarning(*named.names, seconds, f"{site[0]}:{site[1]}"), stacklevel=level)
    except BlockedLoopWarning as warning:
        return warning.with_traceback(None)
    return None


def call_site() -> tuple[int, tuple[str, int]]:
    """Return the stack level and the place of the first frame that is not this package's."""
    package = __name__.partition(".")[0]
    level, frame = 1, sys._getframe(1)  # noqa: SLF001 - the documented way to one's own stack
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).partition(".")[0] == package:
        level, frame = level + 1, frame.f_back
    return level, (frame.f_code.co_filename, frame.f_lineno)


def in_notebook_kernel() -> bool:
    """Whether this process is a Jupyter kernel, whose loop has nothing to do while a cell runs."""
    kernelapp = sys.modules.get("ipykernel.kernelapp")
    return kernelapp is not None and bool(kernelapp.IPKernelApp.initialized())
