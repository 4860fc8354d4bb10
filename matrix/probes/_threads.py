"""Threads: one for a single function, for mistakes that hop to another; and what starts any at all."""

from __future__ import annotations

import _thread
import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any, ParamSpec, TypeVar

__all__ = ("Starter", "in_a_new_thread", "starters_replaced")

P = ParamSpec("P")
T = TypeVar("T")
Starter = Callable[..., Any]

_STARTERS = (
    (_thread, "start_new_thread"),
    (_thread, "start_new"),
    (_thread, "start_joinable_thread"),
    (threading, "_start_new_thread"),
    (threading, "_start_joinable_thread"),
)
"""Every name under which some version of Python starts a thread."""


@contextlib.contextmanager
def starters_replaced(replacement: Callable[[Starter], Starter]) -> Iterator[None]:
    """Put ``replacement(starter)`` in the place of whatever starts threads, for the length of the block."""
    found = [(module, name) for module, name in _STARTERS if hasattr(module, name)]
    before = [(module, name, getattr(module, name)) for module, name in found]
    for module, name, starter in before:
        setattr(module, name, replacement(starter))
    try:
        yield
    finally:
        for module, name, starter in before:
            setattr(module, name, starter)


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
