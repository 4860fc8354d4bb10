"""Where plain functions run: what the engine is given, and what it never needs to know."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol, TypeVar, runtime_checkable

from agent_runtime.outcomes import Outcome

__all__ = ("Offload", "thread_name")

T = TypeVar("T")


@runtime_checkable
class Offload(Protocol):
    """Two ways off the event loop; both carry what a function raises as a value."""

    async def on_caller(self, fn: Callable[[], T]) -> Outcome[T]:
        """Run ``fn()`` on the one thread that this run keeps for plain functions."""

    async def on_worker(self, fn: Callable[[], T]) -> Outcome[T]:
        """Run ``fn()`` on a worker thread of its own."""


def thread_name() -> str:
    """Return the name of this thread, without making a foreign thread known to ``threading``.

    ``threading.current_thread()`` would add a record for it, under a lock, and keep it for ever.
    """
    ident = threading.get_ident()
    thread = getattr(threading, "_active", {}).get(ident)
    return thread.name if isinstance(thread, threading.Thread) else f"thread {ident}"
