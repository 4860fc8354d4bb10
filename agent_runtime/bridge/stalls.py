"""Waits that will not end: told from long ones, proven where that is possible, put in words."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import importlib
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from agent_runtime.bridge.call import Call
from agent_runtime.bridge.hostloop import call_site, is_idle_kernels_loop, run_of_trio, tasks_of_trio
from agent_runtime.bridge.interrupts import observed
from agent_runtime.bridge.portal import Portal
from agent_runtime.bridge.threads import get_ident
from agent_runtime.bridge.waiting import GivingUp
from agent_runtime.bridge.whereabouts import describe_work, lock_wanted_of_this_thread, tasks_of
from agent_runtime.errors import CircularWaitError, StalledCallWarning
from agent_runtime.errors.calls import written

__all__ = ("StallLookout",)

_GRACE = 5.0
"""Seconds that work gets to end after its deadline has cancelled it; a guess."""
_CIRCULAR_GRACE = 1.0
"""Seconds that work gets to end when it has been cancelled because its caller waits for it in a circle."""


class StallLookout:
    """Judges a wait each time that nothing has happened for a while.

    Args:
        names: what messages call the entry point and its async variant.
        started: when the wait began, by ``time.monotonic()``.
        timeout: the call's own limit in seconds, or None. The portal's loop keeps it; this is for
            loops that something blocks.
        stall_timeout: seconds after which a wait that keeps a running loop standing still is
            reported, once; None for never.
        blocked_loop: the loop of this thread that stands still because of the wait, if there is one; in a
            run of trio, its token.
    """

    def __init__(
        self,
        names: tuple[str, str],
        *,
        started: float,
        timeout: float | None,
        stall_timeout: float | None,
        blocked_loop: object,
    ) -> None:
        self._names = names
        self._timeout = timeout
        self._stall_timeout = stall_timeout
        self._started = started
        self._blocked_loop = blocked_loop
        self._reported = False
        self._scope = _check_of_this_thread() if _SCOPED & sys.modules.keys() else None
        self.is_eager = self._scope is not None

    def look(self, call: Call[Any], portal: Portal) -> GivingUp | None:
        """Say why to give the call up, or None; report a stall once."""
        cancellation = None if self._scope is None else _raised_by(self._scope)
        if cancellation is not None:
            return GivingUp(cancellation)
        host = self._blocked_loop
        circular = self._circular_wait(call, portal, host)
        if circular is not None:
            return circular
        seconds = time.monotonic() - self._started
        if self._timeout is not None and seconds > self._timeout + SLACK:
            return GivingUp(call.timeout_error(), _GRACE, cancels=call.claim_expiry())
        if host is not None and self._stall_timeout is not None and seconds > self._stall_timeout:
            return observed(self._report, call, portal, host, seconds, otherwise=None)
        return None

    def _circular_wait(self, call: Call[Any], portal: Portal, host: object) -> GivingUp | None:
        entry_point, async_variant = self._names
        patience = 0.0  # no cancellation reaches a blocked loop
        threads = [one.thread_id for one in _waited_for_by(portal)]
        module = _first(_module_wanted_by, threads)
        lock = _first(lock_wanted_of_this_thread, threads)
        if module is not None:
            reason, remedy = f"to import {module}, which this thread is importing", "call it after the import"
        elif lock is not None:
            reason = f"for a lock that this thread holds, {lock}"
            remedy = "release it before the call, or let the async code do without it"
        elif host is not None and observed(_waits_for_nothing_but, host, call, portal, otherwise=False):
            reason = "for a coroutine that was given to the event loop of this thread"
            remedy, patience = f"write {written(async_variant)} instead", _CIRCULAR_GRACE
        else:
            return None
        error = CircularWaitError(entry_point, reason, remedy, describe_work(call, portal))
        return GivingUp(error, patience)

    def _report(self, call: Call[Any], portal: Portal, host: object, seconds: float) -> GivingUp | None:
        """Warn once; give the call up where warnings are errors."""
        if self._reported or is_idle_kernels_loop():
            return None
        self._reported = True
        level, (file, line) = call_site()
        waiting = observed(_waiting_on, host, otherwise="what lives on it cannot be seen")
        report = StalledCallWarning(
            *self._names, seconds, f"{file}:{line}", describe_work(call, portal), waiting
        )
        try:
            warnings.warn(report, stacklevel=level)
        except StalledCallWarning as error:
            return GivingUp(error, _GRACE)
        return None


_SCOPED = frozenset(("anyio", "trio"))
"""Libraries whose worker threads belong to a scope that can be cancelled."""


def _check_of_this_thread() -> Callable[[], object] | None:
    from agent_runtime.bridge import scopes

    return scopes.check_of_this_thread()


def _raised_by(check: Callable[[], object]) -> BaseException | None:
    from agent_runtime.bridge import scopes

    return scopes.raised_by(check)


SLACK = 0.25
"""Seconds that the portal's own timer is waited for before its loop counts as blocked."""


def _waited_for_by(portal: Portal) -> list[Portal]:
    """Return the portal and those below it that its thread waits for."""
    found = [portal]
    for one in found:
        found += [deeper for _, deeper in tuple(one.waiting) if deeper not in found]
    return found


def _first(look: Callable[[int], str | None], threads: list[int]) -> str | None:
    seen = (observed(look, thread, otherwise=None) for thread in threads)
    return next((one for one in seen if one is not None), None)


def _module_wanted_by(thread_id: int) -> str | None:
    """Return the module that a thread waits to import while this thread is importing it."""
    bootstrap = importlib._bootstrap  # noqa: SLF001 - nowhere else is it said
    blocking = getattr(bootstrap, "_blocking_on", {}).get(thread_id)
    locks = blocking if isinstance(blocking, list) else [] if blocking is None else [blocking]
    for lock in tuple(locks):
        owner = getattr(lock, "owner", None)
        if (owner[0] if isinstance(owner, tuple) else owner) == get_ident():
            return str(lock.name)
    return None


def _waits_for_nothing_but(host: Any, call: Call[Any], portal: Portal) -> bool:
    """Whether all of the work waits for the loop that this very call keeps standing still.

    Work reaches another loop through ``asyncio.run_coroutine_threadsafe()``, and waits for the
    concurrent future that it returns. Such a future can be found at both ends. It is a circle only if
    no timer runs on the portal and no other task of the work waits for anything else: those could end
    the wait.
    """
    if portal.has_timers:
        return False
    promised = tuple(_promised_by(host))
    tasks = tasks_of(call, portal)
    waiting = [task for task in tasks if _waits_for_one_of(promised, task)]
    return bool(waiting) and all(task in waiting or task is call.task for task in tasks)


def _waits_for_one_of(promised: tuple[concurrent.futures.Future[Any], ...], task: asyncio.Task[Any]) -> bool:
    futures = [f for f in _concurrent_futures_behind(getattr(task, "_fut_waiter", None)) if not f.done()]
    return any(future is other for future in futures for other in promised)


def _concurrent_futures_behind(awaited: Any) -> Iterator[concurrent.futures.Future[Any]]:
    for entry in getattr(awaited, "_callbacks", None) or ():
        callback = entry[0] if isinstance(entry, tuple) else entry
        yield from _concurrent_futures_in(callback)


def _promised_by(loop: asyncio.AbstractEventLoop) -> Iterator[concurrent.futures.Future[Any]]:
    """Find the concurrent futures that callbacks and tasks of a loop would settle."""
    for handle in tuple(getattr(loop, "_ready", ())):
        yield from _concurrent_futures_in(getattr(handle, "_callback", None))
    for task in asyncio.all_tasks(loop):
        yield from _concurrent_futures_behind(task)


def _concurrent_futures_in(callback: Any) -> Iterator[concurrent.futures.Future[Any]]:
    for cell in getattr(callback, "__closure__", None) or ():
        with contextlib.suppress(ValueError):  # a cell may be empty
            if isinstance(cell.cell_contents, concurrent.futures.Future):
                yield cell.cell_contents


def _waiting_on(host: Any) -> str:
    """Say how much the loop that stands still would have to do."""
    if host is run_of_trio():
        return f"{tasks_of_trio()} tasks live on it"
    tasks = sum(not task.done() for task in asyncio.all_tasks(host))
    ready = len(getattr(host, "_ready", ()))
    return f"{tasks} tasks live on it" + (f", {ready} callbacks are due" if ready else "")
