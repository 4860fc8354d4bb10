"""The host of the calling code: its event loop seen, its library forgotten, what is said of blocking it."""

from __future__ import annotations

import asyncio
import contextvars
import sys
import warnings
from asyncio import events
from collections.abc import Callable
from typing import Any, Protocol

from agent_runtime.errors import BlockedLoopWarning

__all__ = (
    "Named",
    "call_site",
    "forget_library",
    "in_notebook_kernel",
    "library_is_marked",
    "running_loop",
    "warn_of_blocked_loop",
)

running_loop: Callable[[], asyncio.AbstractEventLoop | None] = events._get_running_loop  # noqa: SLF001
"""Return the event loop that runs in this thread, or None; never raises, never makes one."""


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
