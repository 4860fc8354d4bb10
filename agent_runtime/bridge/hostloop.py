"""The host of the calling code: its event loop seen, its library forgotten, what is said of blocking it."""

from __future__ import annotations

import asyncio
import contextvars
import sys
import warnings
from asyncio import events
from collections.abc import Callable
from types import FrameType
from typing import Any, Protocol, runtime_checkable

from agent_runtime.errors import BlockedLoopWarning

__all__ = (
    "Named",
    "call_site",
    "forget_library",
    "is_idle_kernels_loop",
    "library_is_marked",
    "loop_would_block",
    "named_here",
    "run_of_trio",
    "running_loop",
    "tasks_of_trio",
    "warn_of_blocked_loop",
)

running_loop: Callable[[], asyncio.AbstractEventLoop | None] = events._get_running_loop  # noqa: SLF001
"""Return the event loop that runs in this thread, or None; never raises, never makes one."""


def run_of_trio() -> object:
    """Return the token of the run of trio that this thread is in, or None; imports nothing."""
    lowlevel = getattr(sys.modules.get("trio"), "lowlevel", None)  # its import may be going on below
    if lowlevel is None or not lowlevel.in_trio_run():
        return None
    token: object = lowlevel.current_trio_token()
    return token


def tasks_of_trio() -> int:
    """Return how many tasks live in the run of trio that this thread is in, trio's own among them."""
    tasks: int = sys.modules["trio"].lowlevel.current_statistics().tasks_living
    return tasks


def loop_would_block() -> bool:
    """Whether a loop runs in this thread, asyncio's or trio's, which a wait would keep standing still."""
    return running_loop() is not None or run_of_trio() is not None


def named_here(names: tuple[str, str]) -> tuple[str, str]:
    """Return an entry point and what to await in its place here: trio cannot await what asyncio drives."""
    under_trio = running_loop() is None and run_of_trio() is not None
    return (names[0], "trio.to_thread.run_sync") if under_trio else names


def library_is_marked() -> bool:
    """Whether this context names an async library for sniffio, as ``anyio.run()`` has it do."""
    mark = _library()
    return mark is not None and mark.get() is not None


def forget_library() -> contextvars.Token[Any] | None:
    """Name no async library in this context, and return how to undo that; None if it names none.

    The host's may be trio, and the work runs on asyncio: clients that ask sniffio would await what only
    trio understands. It finds asyncio by itself.
    """
    mark = _library()
    return None if mark is None or mark.get() is None else mark.set(None)


def _library() -> contextvars.ContextVar[Any] | None:
    return getattr(sys.modules.get("sniffio"), "current_async_library_cvar", None)


THRESHOLD = 1.0
"""Seconds. Shorter stops go unnoticed by most users of a server; a guess."""

_warned: set[tuple[str, int]] = set()


@runtime_checkable
class Named(Protocol):
    """Whoever knows what messages call an entry point and its async variant."""

    @property
    def names(self) -> tuple[str, str]:
        """The two names."""


def warn_of_blocked_loop(named: Named, seconds: float) -> BlockedLoopWarning | None:
    """Warn, once a call site, if a loop of this thread stood still for long; not an idle kernel's.

    Returns:
        The warning, where warnings are errors.
    """
    if seconds < THRESHOLD or not loop_would_block() or is_idle_kernels_loop():
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


def is_idle_kernels_loop() -> bool:
    """Whether the loop of this thread is a notebook kernel's, in a cell, and nothing else lives on it.

    Known by the stack: the kernel's frame that executes the cell is nearer than any that drives a loop. What
    else lives there are tasks that are not the kernel's own.
    """
    loop = running_loop()
    return loop is not None and _is_in_a_cell() and not any(map(_is_of_others, asyncio.all_tasks(loop)))


_EXECUTES_A_CELL = {
    "run_code": "IPython.core.interactiveshell",  # ipykernel, also in-process, and xeus-python
    "execute_cell": "marimo._runtime.",
    "execute_cell_async": "marimo._runtime.",
}
_DRIVES_A_LOOP = {
    "run_forever": "asyncio.base_events",
    "run": "asyncio.runners",  # whatever the loop is written in
}


def _is_in_a_cell() -> bool:
    """Whether this thread executes a cell, and drives no loop inside it."""
    frame: FrameType | None = sys._getframe()  # noqa: SLF001 - the documented way to one's own stack
    while frame is not None:
        module, name = str(frame.f_globals.get("__name__")), frame.f_code.co_name
        if module.startswith(_EXECUTES_A_CELL.get(name, "nothing")):
            return True
        if module == _DRIVES_A_LOOP.get(name):
            return False
        frame = frame.f_back
    return False


_OF_KERNELS = frozenset(("IPython", "ipykernel", "jupyter_client", "marimo", "tornado", "xpython", "zmq"))


def _is_of_others(task: asyncio.Task[Any]) -> bool:
    """Whether a task waits for its turn and is no kernel's own."""
    frame = getattr(task.get_coro(), "cr_frame", None)
    if task is asyncio.current_task() or frame is None:
        return False
    return str(frame.f_globals.get("__name__")).partition(".")[0] not in _OF_KERNELS
