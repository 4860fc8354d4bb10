"""The portals of a bridge: which one serves a call, how the first call starts it."""

from __future__ import annotations

import sys

from agent_runtime.bridge import process
from agent_runtime.bridge.call import current_call, errand_of
from agent_runtime.bridge.portal import LoopFactory, Portal
from agent_runtime.bridge.threads import CannotStartThreadError, get_ident, make_rlock
from agent_runtime.errors import BridgeClosedError

__all__ = ("PortalSet",)

_CROWD_LIMIT = 1.0
"""Seconds to wait for another thread that starts the shared portal; usually it takes 0.3 ms."""

_PYDEVD = "_pydevd_bundle"
"""The package of debugpy and PyCharm that stops threads."""


class _Own:
    """What a set of portals has in one process; a forked child starts with another one.

    Attributes:
        shared: under "portal", the one that everybody shares, once it is started.
        starting: keeps a crowd of first callers from starting a thread each. Advice, not a lock to
            rely on: reentrant, because a signal handler may interrupt the thread that holds it and
            call in; and waited for with a limit, because that handler may wait for another thread that
            calls in. Whoever goes on without it starts a portal that loses when it is published late.
    """

    def __init__(self) -> None:
        self.shared: dict[str, Portal] = {}
        self.starting = make_rlock()


class PortalSet:
    """The portals of one bridge: a shared one, and deeper ones below it on demand.

    Args:
        loop_factory: makes the loop of each portal, on its thread.
        name: of the shared portal's thread; the deeper ones get a number behind it.
    """

    def __init__(self, *, loop_factory: LoopFactory, name: str) -> None:
        self._loop_factory = loop_factory
        self.name = name
        self._closed = False
        self._of_process: dict[object, _Own] = {}
        process.portal_sets.add(self)

    def for_thread(self, own: Portal | None, *, blocks: bool = True) -> Portal:
        """Return the portal that serves calls made on this thread; start it if need be.

        ``own`` is the portal whose loop thread this is, if it is one's. It serves the call itself if
        that does not block the thread.

        That is the shared one, except where its thread, directly or through other bridges, waits for
        the call: then the next deeper portal serves it, which lives until the calls of the upper one
        that have made such calls have ended. And where a debugger has stopped that thread, a portal
        for this call alone.

        Raises:
            BridgeClosedError: the bridge has been closed.
            CannotStartThreadError: no thread can be started here, or the process is ending.
            OSError: the loop could not get its descriptors.
        """
        here = self._of_process.get(process.current()) or self._own()
        if own is None and current_call.get() is None:
            portal = here.shared.get("portal")
            if portal is not None and portal.is_open and not portal.waiting:  # its loop is free, or soon is
                return portal if _PYDEVD not in sys.modules else self._running(portal)
        if process.ending():
            raise CannotStartThreadError
        if not blocks and own is not None and own.owner is self and own.is_open:
            return own
        portal = self._chosen(here, own)
        return portal if _PYDEVD not in sys.modules else self._running(portal)

    def _chosen(self, here: _Own, own: Portal | None) -> Portal:
        """Return the portal whose turn it is, for calls that may be part of others."""
        waiting = self._waiting_ancestor()
        if own is not None:
            by_thread = self._deepest_waiting(own)
            if waiting is None or (by_thread is not None and by_thread.depth > waiting.depth):
                waiting = by_thread
        if waiting is not None:
            return self._deeper(waiting)
        portal = here.shared.get("portal")
        if portal is not None and portal.is_open:
            return self._behind(portal) if portal.waiting else portal
        return self._start_shared(here)

    def start_late(self) -> Portal:
        """Start a portal for one call that is made past the exit hook; whoever makes the call closes it.

        Nobody else would: the hooks that run now are older than any that could still be registered.

        Raises:
            BridgeClosedError: the bridge has been closed.
            CannotStartThreadError: no thread can be started here, or the process does not end yet.
            OSError: the loop could not get its descriptors.
        """
        if not process.ending() or sys.is_finalizing():
            raise CannotStartThreadError
        self._check_open()
        return self._started(0)

    def close(self) -> None:
        """Take no more calls, cancel what is left, end the threads; blocks until they have ended.

        Raises:
            RuntimeError: called on one of the threads to end.
        """
        own = process.this_threads_portal()
        if own is not None and self._deepest_waiting(own) is not None:
            raise RuntimeError("a bridge cannot be closed by work that it carries out; close it outside")
        self._closed = True
        shared = self._own().shared
        portal = shared.get("portal")
        if portal is not None:
            portal.close()
            shared.pop("portal", None)  # only now: if a signal handler raises before, this can be repeated

    def retire(self) -> Portal | None:
        """Let the shared portal go, because the process ends; return it."""
        return self._own().shared.pop("portal", None)

    def inherited(self) -> object:
        """Return what a forked child must keep from the collector."""
        return self._of_process

    def _own(self) -> _Own:
        key = process.current()
        own = self._of_process.get(key)
        return self._of_process.setdefault(key, _Own()) if own is None else own

    def _deepest_waiting(self, own: Portal) -> Portal | None:
        """Return the deepest portal of this set whose thread waits for what ``own`` does, or is it."""
        if own.owner is self:
            return own
        ours = [portal for portal in own.waiters() if portal.owner is self]
        return max(ours, key=lambda portal: portal.depth, default=None)

    def _waiting_ancestor(self) -> Portal | None:
        """Return the deepest portal of this set whose thread waits for the call that this is part of.

        For worker threads: work of a nested call has sent them off, with its context, and a portal
        waits for that work; also while they perform an errand for a call of their own.
        """
        found, call = None, current_call.get() or errand_of.get()
        while call is not None:
            caller = call.caller
            # In a child forked inside the work, the calls are those of the parent process.
            waits = caller is not None and not call.abandoned and not caller.is_of_another_process
            if caller is not None and waits and caller.owner is self:
                found = caller if found is None or caller.depth > found.depth else found
            call = call.waited_for_by
        return found

    def _behind(self, portal: Portal) -> Portal:
        """Return the first portal from this one downwards whose thread does not wait on our behalf.

        For a signal handler or finaliser that comes while this thread is in a call whose work, on the
        loop thread, is in another: the loop is back only when both have ended.
        """
        here = get_ident()
        while any(call.is_waited_for_on(here) for call, _ in tuple(portal.waiting)):
            portal = self._deeper(portal)
        return portal

    def _start_shared(self, here: _Own) -> Portal:
        fresh: Portal | None = None
        alone = here.starting.acquire(timeout=_CROWD_LIMIT)
        try:
            portal = here.shared.get("portal")
            if portal is not None and portal.is_open:
                return portal
            self._check_open()
            process.install_hooks()
            fresh = self._started(0)
            if portal is not None and here.shared.get("portal") is portal:
                del here.shared["portal"]
            winner = here.shared.setdefault("portal", fresh)
        except BaseException:  # a signal handler's, between our own instructions
            if fresh is not None and here.shared.get("portal") is not fresh:
                fresh.abandon()
            raise
        finally:
            if alone:
                here.starting.release()
        if winner is not fresh:
            fresh.close()
        if self._closed:  # close() has come meanwhile, and may not have seen the new portal
            self.close()
        self._check_open()
        return winner

    def _check_open(self) -> None:
        if self._closed:
            raise BridgeClosedError(self.name)

    def _deeper(self, waiting: Portal) -> Portal:
        deeper = waiting.deeper.get("portal")
        if deeper is not None and deeper.is_open:
            return deeper
        fresh = self._started(waiting.depth + 1)
        fresh.upper = waiting
        if deeper is not None and waiting.deeper.get("portal") is deeper:
            del waiting.deeper["portal"]
        winner = waiting.deeper.setdefault("portal", fresh)
        if winner is not fresh:
            fresh.close()
        return winner

    def _running(self, portal: Portal) -> Portal:
        """Return the portal, or one in its place while a debugger has stopped its thread.

        To be asked before the call is submitted: a step that has begun could not be taken back.
        """
        from agent_runtime.bridge import debuggers

        if not debuggers.has_stopped(portal):
            return portal
        return self._started(portal.depth, debuggers.PortalForOneCall)

    def _started(self, depth: int, kind: type[Portal] = Portal) -> Portal:
        portal = kind(owner=self, depth=depth, loop_factory=self._loop_factory)
        try:
            with process.birth_of(portal):
                portal.start(
                    on_start=lambda: process.register(get_ident(), portal),
                    on_end=lambda: process.forget(portal.thread_id),
                    name=self.name if depth == 0 else f"{self.name} {depth}",
                )
        except BaseException:  # no thread or no loop, or a signal handler's: nobody will use it
            process.take_birth_back(portal)
            portal.abandon()
            raise
        return portal
