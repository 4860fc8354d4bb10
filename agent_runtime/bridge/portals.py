"""The process's portals: which one serves a call, how the first call starts it, what fork does."""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from _thread import get_ident
from typing import Any

from agent_runtime.bridge.portal import Portal
from agent_runtime.bridge.threads import CannotStartThreadError, main_of_this_thread

__all__ = ("portal_for_this_thread", "this_threads_portal")


class _Portals:
    """Every portal of this process. One object, so that a fork can replace it as a whole.

    Attributes:
        shared: the portal of depth 0, once it has been started.
        by_thread: each portal by the ident of its loop thread.
        births: the portals whose threads have been started and do not serve yet.
        ending: whether the process is past the exit hook; no portal is used any more.
        parked_loop: then, the shared portal's loop; late calls drive it on their own thread.
        starting: keeps a crowd of first callers from starting a thread each. Advice, not a lock to
            rely on: reentrant, because a signal handler may interrupt the thread that holds it and
            call in; and waited for with a limit, because that handler may wait for another thread
            that calls in. Whoever goes on without it starts a portal that loses when published late.
    """

    def __init__(self) -> None:
        self.shared: dict[str, Portal] = {}
        self.by_thread: dict[int, Portal] = {}
        self.births: set[Portal] = set()
        self.ending = False
        self.parked_loop: asyncio.AbstractEventLoop | None = None
        self.starting = threading.RLock()


_portals = _Portals()
_graveyard: list[_Portals] = []
"""What a fork left behind. Its loops share their epoll object with the parent process: closing one,
also from its finaliser, would take the parent's descriptors out of it."""
_hooks_installed = False

_EXIT_LIMIT = 2.0
"""Seconds that tasks get to react to their cancellation when the process ends; a guess."""
_CROWD_LIMIT = 1.0
"""Seconds to wait for another thread that starts the shared portal; usually it takes 0.3 ms."""


def this_threads_portal() -> Portal | None:
    """Return the portal whose loop thread this is, or None."""
    portal = _portals.by_thread.get(get_ident())
    if portal is None and _portals.births:
        # A finaliser can call in on a loop thread before that has run any code of its own. Whoever
        # starts it waits for it, so the call must not go to the starter's portal.
        newborn = getattr(main_of_this_thread(), "__self__", None)
        return newborn if isinstance(newborn, Portal) else None
    return portal


def portal_for_this_thread() -> Portal:
    """Return the portal that serves calls made on this thread; start it if need be.

    That is the shared one, except on a portal's own thread: its loop waits for the call, so the
    next deeper portal serves it, which lives until the upper one has no call left.

    Raises:
        CannotStartThreadError: no thread can be started here, or the process is ending.
        OSError: the loop could not get its descriptors.
    """
    if _portals.ending:
        raise CannotStartThreadError
    own = this_threads_portal()
    if own is not None:
        return _deeper(own)
    portal = _portals.shared.get("portal")
    if portal is not None and portal.is_open:
        return portal
    return _start_shared()


def _start_shared() -> Portal:
    portals = _portals
    alone = portals.starting.acquire(timeout=_CROWD_LIMIT)
    try:
        portal = portals.shared.get("portal")
        if portal is not None and portal.is_open:
            return portal
        _install_hooks()
        fresh = _started(portals, 0)
        if portal is not None and portals.shared.get("portal") is portal:
            del portals.shared["portal"]
        winner = portals.shared.setdefault("portal", fresh)
    finally:
        if alone:
            portals.starting.release()
    if winner is not fresh:
        fresh.close()
    return winner


def _deeper(own: Portal) -> Portal:
    """Return the next portal below; on ``own``'s thread, where only a finaliser can interrupt."""
    deeper = own.deeper
    if deeper is not None and deeper.is_open:
        return deeper
    fresh = _started(_portals, own.depth + 1)
    deeper = own.deeper
    if deeper is not None and deeper.is_open:
        fresh.close()
        return deeper
    own.deeper = fresh
    return fresh


def _started(portals: _Portals, depth: int) -> Portal:
    portal = Portal(depth=depth)
    portals.births.add(portal)
    try:
        portal.start(
            on_start=lambda: portals.by_thread.__setitem__(portal.thread_id, portal),
            on_end=lambda: _forget(portals, portal),
            name=_name(depth),
        )
    finally:
        portals.births.discard(portal)
    return portal


def _forget(portals: _Portals, portal: Portal) -> None:
    portals.by_thread.pop(portal.thread_id, None)


def _name(depth: int) -> str:
    return "agent_runtime portal" if depth == 0 else f"agent_runtime portal {depth}"


def parked_loop() -> asyncio.AbstractEventLoop | None:
    """Return the loop of a portal that the end of the process has retired, if it is free."""
    loop = _portals.parked_loop
    return None if loop is None or loop.is_closed() or loop.is_running() else loop


def _install_hooks() -> None:
    """Get told of forks and of the end of the process; not before there is a portal."""
    global _hooks_installed  # noqa: PLW0603 - a process-wide registration that cannot be undone
    if _hooks_installed:
        return
    _hooks_installed = True
    atexit.register(_retire)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_begin_anew)


def _begin_anew() -> None:
    """Drop every portal, unclosed: their threads do not exist in this process."""
    global _portals  # noqa: PLW0603 - the one place that replaces it
    _graveyard.append(_portals)
    _portals = _Portals()


def _retire() -> None:
    """End the loop thread before the interpreter is taken down around it."""
    _portals.ending = True
    portal = _portals.shared.pop("portal", None)
    if portal is not None:
        _portals.parked_loop = portal.retire(_EXIT_LIMIT)


def _close_parked_loop() -> None:
    loop = parked_loop()
    if loop is not None:
        loop.close()


# Hooks run last in, first out. This one is in before any portal, so it comes after the hooks that
# were registered between: they may still call in, and find the loop that their clients live on.
atexit.register(_close_parked_loop)


def portals_alive() -> list[Any]:
    """Return the idents of all loop threads, for tests and diagnostics."""
    return sorted(_portals.by_thread)
