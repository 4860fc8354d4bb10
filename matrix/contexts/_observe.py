"""What several contexts look at to prove their situation."""

from __future__ import annotations

import sys
from types import CodeType, FrameType

__all__ = ("ALL_FACTS", "ASYNCIO_LOOPS", "POSIX", "stack_has", "stack_has_file")

ALL_FACTS = ("running_loop", "current_task", "main_thread", "kernel", "suspendable")
"""What a context keeps that only comes between, a signal handler say."""

ASYNCIO_LOOPS = ("asyncio.unix_events._UnixSelectorEventLoop", "asyncio.windows_events.ProactorEventLoop")
"""The classes of asyncio's own loops, as Facts name them: one a platform."""

POSIX = ("linux", "darwin")
"""Where a signal can interrupt a wait and its Python handler then runs inside that wait."""


def stack_has(code: CodeType) -> str:
    """Say "on the stack" if a call of ``code`` is among this thread's frames, else "not there"."""
    frame: FrameType | None = sys._getframe()  # noqa: SLF001 - documented; no public twin without a cost
    while frame is not None:
        if frame.f_code is code:
            return "on the stack"
        frame = frame.f_back
    return "not there"


def stack_has_file(name: str) -> bool:
    """Whether code of a file of this name is among this thread's frames."""
    frame: FrameType | None = sys._getframe()  # noqa: SLF001 - as above
    while frame is not None:
        if frame.f_code.co_filename.replace("\\", "/").endswith("/" + name):
            return True
        frame = frame.f_back
    return False
