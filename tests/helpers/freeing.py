"""When what one thread has made and another one drops is freed: at once, where there is a GIL."""

from __future__ import annotations

import asyncio
import sysconfig
from collections.abc import Callable

from agent_runtime.bridge import run_sync

__all__ = ("FREE_THREADED", "let_owners_free")

FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
"""Whether this is a build without the GIL, be that switched on or off."""

_ROUNDS = 5
"""A guess: what is freed on one thread may hold what is to be freed on another one, and so on."""


def let_owners_free(is_gone: Callable[[], bool]) -> None:
    """Have the bridge's loop thread free what others have dropped; does nothing where there is a GIL.

    Without one, an object belongs to the thread that has made it, and is freed when that thread runs next: an
    idle loop thread sleeps until the next call.
    """
    if FREE_THREADED:
        for _ in range(_ROUNDS):
            if is_gone():
                return
            run_sync(asyncio.sleep, 0.01)
