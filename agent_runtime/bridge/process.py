"""What a process knows of its portals: whose thread is whose, what a fork and the end of it do."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import sys
import weakref
from collections.abc import Iterator, Mapping
from os import getpid
from typing import Any, Protocol, runtime_checkable

from agent_runtime.bridge.hostloop import run_of_trio
from agent_runtime.bridge.parking import OwnLoop
from agent_runtime.bridge.portal import Portal
from agent_runtime.bridge.threads import (
    get_ident,
    main_of_this_thread,
    main_thread_ident,
    wait_for_threads_of_sub_interpreter,
)

__all__ = (
    "birth_of",
    "current",
    "ending",
    "forget",
    "in_main_thread",
    "install_hooks",
    "is_of_the_parent",
    "notice_fork",
    "open_streams",
    "parked_loop",
    "portal_on",
    "portal_sets",
    "register",
    "take_birth_back",
    "this_thread",
    "this_threads_portal",
)

_EXIT_LIMIT = 2.0
"""Seconds that tasks get to react to their cancellation when the process ends; a guess."""


@runtime_checkable
class _PortalSet(Protocol):
    """What this module asks of the portals of one bridge."""

    def retire(self) -> Portal | None: ...

    def inherited(self) -> object: ...


@runtime_checkable
class _Open(Protocol):
    """What this module asks of a stream whose work is done on the thread that reads it."""

    def end_with_the_process(self) -> None: ...


class _State:
    """One object, so that a fork can replace it as a whole.

    Attributes:
        process: id of the process that all this is true of.
        main_thread: ident of its main thread.
        by_thread: each portal by the ident of its loop thread.
        births: the portals whose threads have been started and may not have run any code yet.
        ending: whether the process is past the exit hook; no portal is used any more.
        parked: then, the loops of the shared portals, by set; late calls drive them themselves.
        inherited_run: the token of the run of trio in which this process was forked, or None.
    """

    def __init__(self, inherited_run: object = None) -> None:
        self.process = getpid()
        self.main_thread = main_thread_ident()
        self.by_thread: dict[int, Portal] = {}
        self.births: set[Portal] = set()
        self.ending = False
        self.parked: dict[_PortalSet, asyncio.AbstractEventLoop] = {}
        self.inherited_run = inherited_run


portal_sets: weakref.WeakSet[Any] = weakref.WeakSet()
"""The portals of every bridge of this process."""

open_streams: weakref.WeakSet[Any] = weakref.WeakSet()
"""The streams whose work is done on the thread that reads them, and has not ended."""

_state = _State()
_states: dict[int, _State] = {_state.process: _state}
_graveyard: list[object] = []
"""What a fork left behind. Its loops share their epoll object with the parent process: closing one,
also from its finaliser, would take the parent's descriptors out of it."""
_hooks_installed = False


def this_threads_portal() -> Portal | None:
    """Return the portal whose loop thread this is, or None; first, take notice of a fork."""
    if _state.process != getpid():
        _begin_anew()
    return portal_on(get_ident())


def portal_on(thread_id: int) -> Portal | None:
    """Return the portal whose loop thread this is; ``thread_id`` is this thread's, and no fork has come."""
    state = _state
    portal = state.by_thread.get(thread_id)
    if portal is None and state.births:
        # A finaliser can call in on a loop thread before that has run any code of its own. Whoever
        # starts it waits for it, so the call must not go to the starter's portal. A process that was forked
        # on a loop thread has a portal of its parent there, which is none of this process.
        newborn = getattr(main_of_this_thread(), "__self__", None)
        return newborn if isinstance(newborn, Portal) and newborn in state.births else None
    return portal


def this_thread() -> tuple[int, Portal | None, bool]:
    """Take notice of a fork; return this thread's ident, its portal, and whether it is the main thread."""
    if _state.process != getpid():
        _begin_anew()
    state, thread_id = _state, get_ident()
    portal = state.by_thread.get(thread_id)
    if portal is None and state.births:
        portal = portal_on(thread_id)
    return thread_id, portal, thread_id == state.main_thread


def in_main_thread() -> bool:
    """Whether this thread is the one that Python runs signal handlers on."""
    return get_ident() == _state.main_thread


def register(thread_id: int, portal: Portal) -> None:
    """Note whose loop thread this is."""
    _state.by_thread[thread_id] = portal
    _state.births.discard(portal)  # here too: a signal handler may raise in birth_of()


def forget(thread_id: int) -> None:
    """Note that this loop thread serves no more."""
    _state.by_thread.pop(thread_id, None)


@contextlib.contextmanager
def birth_of(portal: Portal) -> Iterator[None]:
    """Note for the length of the block that the portal's thread is being started."""
    state = _state
    state.births.add(portal)
    try:
        yield
    finally:
        state.births.discard(portal)


def take_birth_back(portal: Portal) -> None:
    """Note that nobody will wait for the portal's thread: a signal handler may raise as birth_of() begins."""
    _state.births.discard(portal)


def ending() -> bool:
    """Whether the process is past the exit hook, or is being taken down already."""
    return _state.ending or sys.is_finalizing()


def notice_fork() -> None:
    """Begin anew in a child whose own hook has not run yet: one that is older may have called in."""
    if _state.process != getpid():
        _begin_anew()


def parked_loop(portals: _PortalSet) -> asyncio.AbstractEventLoop | None:
    """Return the loop of the shared portal that the end of the process has retired, if it is free."""
    loop = _state.parked.get(portals)
    return None if loop is None or loop.is_closed() or loop.is_running() else loop


def install_hooks() -> None:
    """Get told of forks and of the end of the process; not before there is a portal."""
    global _hooks_installed  # noqa: PLW0603 - a process-wide registration that cannot be undone
    if _hooks_installed:
        return
    atexit.register(_retire)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=notice_fork)
    _hooks_installed = True


def _begin_anew() -> None:
    """Drop every portal, unclosed: their threads do not exist in this process.

    A signal handler may interrupt this anywhere and call in: it gets the very same new state, which
    it may use at once, and which stays.
    """
    global _state  # noqa: PLW0603 - the one place that replaces it
    old, here = _state, getpid()
    for portal in tuple(old.by_thread.values()):
        portal.is_inherited = True
    _state = _states.setdefault(here, _State(run_of_trio()))
    _graveyard.append(old)
    _graveyard.extend(portals.inherited() for portals in tuple(portal_sets))
    for portal in tuple(old.by_thread.values()):
        for call in portal.calls:
            call.lose(forked=True)
    for process in tuple(_states):
        if process != here:
            _states.pop(process, None)  # a descendant of this process may get the same id


def is_of_the_parent(run: object) -> bool:
    """Whether a run of trio began before this process was forked: what wakes it would wake the parent's."""
    notice_fork()
    return run is _state.inherited_run


def current() -> object:
    """Return what stands for this process: an object that no other process has, nor its parent had."""
    return _state


def _retire() -> None:
    """End the loop threads before the interpreter is taken down around them."""
    notice_fork()
    _state.ending = True
    for portals in tuple(portal_sets):
        portal = portals.retire()
        loop = None if portal is None else portal.retire(_EXIT_LIMIT)
        if loop is not None:
            _state.parked[portals] = loop


def _close_what_is_open() -> None:
    """End the streams that this thread has left open, and close the loops that late calls have used.

    Nothing calls in any more, but hooks that are older than the import of the bridge. Their calls need the
    loop that the program's clients live on: it stays open until the interpreter is taken down. Not so loops
    of a ``loop_factory``: only our own are known to close then, and quietly.
    """
    global _at_the_very_end  # noqa: PLW0603 - one object, whose end is the interpreter's
    notice_fork()
    streams: tuple[_Open, ...] = tuple(open_streams)
    for stream in streams:
        with contextlib.suppress(Exception):
            stream.end_with_the_process()
    for portals in tuple(_state.parked):
        loop = parked_loop(portals)
        if loop is not None and not isinstance(loop, OwnLoop):
            with contextlib.suppress(RuntimeError):  # a late thread has begun a call on it meanwhile
                loop.close()
    _at_the_very_end = _Closing(_state.parked)
    wait_for_threads_of_sub_interpreter(_EXIT_LIMIT)


class _Closing:
    """Closes loops when it is dropped: as the interpreter takes modules down, the last imported first."""

    def __init__(self, parked: Mapping[_PortalSet, asyncio.AbstractEventLoop]) -> None:
        self._parked = parked

    def __del__(self, suppress: type[contextlib.suppress] = contextlib.suppress) -> None:
        for loop in tuple(self._parked.values()):
            with suppress(Exception):  # it runs on a daemon thread, or what it needs is gone already
                loop.close()


_at_the_very_end: _Closing | None = None


# Hooks run last in, first out. This one is in before any portal, so it comes after the hooks that
# were registered between: they may still call in, and find the loop that their clients live on.
atexit.register(_close_what_is_open)
