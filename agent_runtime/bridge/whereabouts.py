"""Where work stands, in words: for messages about work that does not end."""

from __future__ import annotations

import _thread
import asyncio
import contextvars
import inspect
import linecache
import re
import sys
import traceback
from collections.abc import Iterator
from time import monotonic
from types import FrameType
from typing import TYPE_CHECKING, Any

from agent_runtime.bridge.call import Call, current_call
from agent_runtime.bridge.interrupts import observed

if TYPE_CHECKING:
    from agent_runtime.bridge.portal import Portal

__all__ = ("describe_frame", "describe_work", "innermost_frame", "lock_wanted_of_this_thread", "tasks_of")

_PLUMBING = (
    "agent_runtime.bridge",
    "agent_runtime.engine",
    "agent_runtime.outcomes",
    "asyncio",
)


def describe_work(call: Call[Any], portal: Portal) -> str:
    """Say in one line where the call's work stands, or only what it is, where that cannot be seen."""
    return observed(_whereabouts, call, portal, otherwise=call.what)


def _whereabouts(call: Call[Any], portal: Portal) -> str:
    """Say what the work awaits, or what keeps its thread busy."""
    busy = sys._current_frames().get(portal.thread_id)  # noqa: SLF001 - documented, for this use
    user_frame = None if busy is None else innermost_frame(busy)
    if user_frame is not None:
        return f"{call.what}, whose loop thread is busy in {describe_frame(user_frame)}"
    places = [describe_frame(frame) for frame in _awaiting_frames(call, portal)]
    return f"{call.what}, waiting in {', '.join(places)}" if places else call.what


def describe_frame(frame: FrameType) -> str:
    """Return function, file and line of a frame."""
    code = frame.f_code
    return f"{code.co_qualname} ({code.co_filename}:{frame.f_lineno})"


def innermost_frame(frame: FrameType) -> FrameType | None:
    """Return the innermost frame of somebody's own code, or None if there is only machinery."""
    for candidate, _ in traceback.walk_stack(frame):
        if not _is_plumbing(candidate):
            return candidate
    return None


_TAKES_A_LOCK = re.compile(
    r"(?:with )?(?P<lock>[^\W\d]\w*(?:\.\w+)*?)(?:\.acquire\(\)|\.__enter__\(\)|)(?: as \w+)?(?::.*)?"
)
"""What stands at the place where a thread takes a lock without a limit: CPython 3.11 and 3.12 give the whole
``with`` statement, later ones the expression in it."""


def lock_wanted_of_this_thread(thread_id: int) -> str | None:
    """Say which lock a thread waits for, without limit, that this very thread owns, if any.

    Only locks that know their owner can tell, which are ``threading.RLock`` and what is built on it:
    the lock of a logging handler, a condition. Where the source is not at hand, nothing is said.
    """
    if monotonic() < _at_no_lock_until.get(thread_id, 0.0):
        return None
    frame = sys._current_frames().get(thread_id)  # noqa: SLF001 - documented, for this use
    if frame is None:
        return None
    code, line = frame.f_code, frame.f_lineno
    first, last, begin, end = tuple(code.co_positions())[frame.f_lasti // 2]
    if first is None:
        return None
    whole = linecache.getline(code.co_filename, first, frame.f_globals).encode()
    found = _TAKES_A_LOCK.fullmatch(whole[begin : end if first == last else None].decode().strip())
    name = found["lock"] if found is not None else ""
    holder, lock = _looked_up(name.split("."), frame)
    condition = inspect.getattr_static(lock, "_lock", None)
    candidates = [one for one in (lock, condition) if isinstance(one, _thread.RLock)]
    if not candidates:
        _at_no_lock_until[thread_id] = monotonic() + _FRESH
    for candidate in candidates:
        is_owned: Any = getattr(candidate, "_is_owned", bool)
        if is_owned():
            of = f" of {type(holder).__name__}" if holder is not None else ""
            return f"{name}{of} ({code.co_filename}:{line})"
    return None


_FRESH = 0.05
"""Seconds for which what one thread has seen is good for all: less than between two looks of one thread."""

_at_no_lock_until: dict[int, float] = {}
"""By thread, until when nobody need look again whether it waits for a lock. Of 1,000 threads in a call, each
would list the frames of all at each look, and they would come to nothing else."""


def _looked_up(names: list[str], frame: FrameType) -> tuple[object, object]:
    """Return what dotted names mean in a frame, after what the last name was found in; runs no code."""
    scope = frame.f_locals if names[0] in frame.f_locals else frame.f_globals
    holder, value = None, scope.get(names[0])
    for name in names[1:]:
        holder, value = value, inspect.getattr_static(value, name, None)
    return holder, value


def tasks_of(call: Call[Any], portal: Portal) -> list[asyncio.Task[Any]]:
    """Return the tasks that belong to a call: its own, and those made inside it.

    Before Python 3.12 a task does not tell its context. There, if the call is the portal's only one,
    all tasks are taken for its own; otherwise only its own task is certain.
    """
    task = call.task
    if task is None:
        return []
    found = [task]
    for other in asyncio.all_tasks(task.get_loop()):
        context: contextvars.Context | None = getattr(other, "get_context", lambda: None)()
        if context is None:
            belongs = portal.count_of_calls == 1
        else:
            owner = context.get(current_call)
            belongs = owner is not None and owner.descends_from(call)
        if belongs and other is not task:
            found.append(other)
    return found


def _awaiting_frames(call: Call[Any], portal: Portal) -> Iterator[FrameType]:
    for task in tasks_of(call, portal):
        for frame in reversed(task.get_stack()):
            inner = _innermost_await(frame, task)
            if inner is not None:
                yield inner
                break


def _innermost_await(frame: FrameType, task: asyncio.Task[Any]) -> FrameType | None:
    """Follow what the task's coroutine awaits, down to the last frame of somebody's own code."""
    found = None if _is_plumbing(frame) else frame
    awaited: Any = task.get_coro()
    while awaited is not None:
        inner = getattr(awaited, "cr_frame", None) or getattr(awaited, "gi_frame", None)
        if inner is not None and not _is_plumbing(inner):
            found = inner
        awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "gi_yieldfrom", None)
    return found


def _is_plumbing(frame: FrameType) -> bool:
    name = str(frame.f_globals.get("__name__"))
    return name.startswith(_PLUMBING) or name in ("selectors", "threading", "importlib._bootstrap")
