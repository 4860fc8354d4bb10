"""What a RecursionError is about: a value that is nested too deep, or a caller who has used the stack up."""

from __future__ import annotations

import sys
from types import FrameType

__all__ = ("is_of_the_caller",)

_ROOM = 250
"""Frames that are enough to read or write what is not nested absurdly; a guess. Usually there are 1,000."""


def is_of_the_caller(error: BaseException) -> bool:
    """Whether an error says that the calling code stands too deep, and nothing about what it was reading."""
    if not isinstance(error, RecursionError):
        return False
    depth = 0
    frame: FrameType | None = sys._getframe()  # noqa: SLF001 - the documented way to one's own stack
    while frame is not None:
        depth, frame = depth + 1, frame.f_back
    return depth + _ROOM > sys.getrecursionlimit()
