"""The cancel scope that a worker thread of AnyIO or trio belongs to: threads have to look for themselves.

A plain function cannot be cancelled; both libraries let the threads that they start ask whether the code
that waits for them has been cancelled. A thread that waits in a call has the time to ask.

Imported by the first call that takes its time in a process that has loaded one of the two; neither is
imported here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

__all__ = ("Check", "check_of_this_thread", "raised_by")

Check = Callable[[], object]
"""Raises the library's cancellation if the scope has been cancelled."""


def check_of_this_thread() -> Check | None:
    """Return what asks for the scope that this thread belongs to, or None if it belongs to none."""
    trio_threads = getattr(sys.modules.get("trio"), "from_thread", None)
    for check in (_check_of_anyio(), getattr(trio_threads, "check_cancelled", None)):
        if check is None:
            continue
        try:
            check()
        except Exception:  # noqa: BLE001, S112 - each has its own words for a thread that is not its own
            continue
        except BaseException:  # noqa: BLE001 - the cancellation: found again at the first look
            return check
        return check
    return None


def _check_of_anyio() -> Check | None:
    """Return what ``anyio.from_thread.check_cancelled()`` calls: that module is seldom loaded."""
    notes = getattr(sys.modules.get("anyio._core._eventloop"), "threadlocals", None)
    token = getattr(notes, "current_token", None)
    backend = getattr(token, "backend_class", None) or getattr(notes, "current_async_backend", None)
    return getattr(backend, "check_cancelled", None)


def raised_by(check: Check) -> BaseException | None:
    """Return the cancellation of the scope, or None as long as it goes on."""
    try:
        check()
    except Exception:  # noqa: BLE001 - nothing that only looks may change what a call comes to
        return None
    except BaseException as cancellation:  # noqa: BLE001 - raised when the work has cleaned up
        return cancellation.with_traceback(None)
    return None
