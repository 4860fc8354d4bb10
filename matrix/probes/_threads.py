"""A thread for one function, for mistakes that hop to another thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

__all__ = ("in_a_new_thread",)

P = ParamSpec("P")
T = TypeVar("T")


def in_a_new_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call ``function`` in a new thread; return or raise here what it does there.

    Not an executor: all of those share a lock, and a signal handler that interrupts a thread which
    holds it, and needs it itself, would never end.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def target() -> None:
        try:
            results.append(function(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            errors.append(error)

    thread = threading.Thread(target=target)
    thread.start()
    thread.join()
    if errors:
        raise errors.pop()
    return results[0]
