"""Debuggers of pydevd's family (debugpy, PyCharm): a stop suspends all threads that exist, the loop's too.

Imported only where pydevd is loaded.
"""

from __future__ import annotations

import threading
from typing import Any

from agent_runtime.bridge.call import Call
from agent_runtime.bridge.portal import Portal

__all__ = ("PortalForOneCall", "has_stopped")

_SUSPENDED = 2
"""What pydevd notes of a thread that it has stopped, or will stop at the next line that it runs."""


def has_stopped(portal: Portal) -> bool:
    """Whether a debugger keeps the portal's thread from serving until the user lets the program go on."""
    thread = getattr(threading, "_active", {}).get(portal.thread_id)
    info = getattr(thread, "additional_info", None)
    return getattr(info, "pydev_state", None) == _SUSPENDED


class PortalForOneCall(Portal):
    """A portal beside the one that a debugger has stopped: threads that start during a stop run.

    It ends with its call: when the program goes on, its calls are for the portal that everybody shares.
    """

    def end(self, call: Call[Any]) -> None:
        """Tell the caller that the outcome is there, and end the thread; on the loop thread."""
        super().end(call)
        if not self.has_calls:
            self.abandon()
