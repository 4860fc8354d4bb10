"""Inside a host of the second, instrumented run: tells, when asked, where everything waits and what for.

A thread of its own looks at all threads, loops and tasks of the process through the doors of the interpreter
and asyncio, never through the bridge that is judged: it says as much of a peer. A run that is not
instrumented does not import this module.
"""

from __future__ import annotations

import _thread
import asyncio
import concurrent.futures
import contextlib
import gc
import json
import linecache
import sys
import threading
from typing import TYPE_CHECKING

from matrix.locks import holders, lock_waited_for

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable, Iterator
    from types import FrameType

__all__ = ("attend", "testimony")

# Of more nobody reads; a guess. All must fit into one line of the stream.
MAX_TASKS, MAX_FRAMES, MAX_SOURCE = 100, 40, 120


def attend(connection: socket.socket) -> None:
    """Start the thread that answers each byte from the supervisor with one line of testimony."""
    # Not through `threading`: whoever counts or lists threads is not to meet this one.
    _thread.start_new_thread(_answer, (connection,))


def _answer(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while connection.recv(1):
            try:
                told = testimony(apart=threading.get_ident())
            except Exception as error:  # noqa: BLE001 - what cannot be told is told, too
                told = {"failure": f"{type(error).__name__}: {error}"}
            connection.sendall(json.dumps(told, separators=(",", ":")).encode() + b"\n")


def testimony(*, apart: int) -> dict[str, object]:
    """Return every thread and task of this process as plain data: where it is, and what it waits for.

    Takes no lock that hung code could hold. Threads and tasks are named by numbers that mean something
    within one testimony only.

    Args:
        apart: the number of a thread to leave out.
    """
    frames = {ident: frame for ident, frame in sys._current_frames().items() if ident != apart}  # noqa: SLF001
    loops = _running_loops()
    tasks = [task for loop in loops for task in _tasks_of(loop)][:MAX_TASKS]
    makers = _Makers(loops, tasks, frames)
    # Not threading.enumerate(), which takes a lock that a hung thread may hold.
    known = dict(threading._active)  # type: ignore[attr-defined]  # noqa: SLF001 - undocumented, see above
    threads = [
        {
            "id": ident,
            "name": known[ident].name if ident in known else f"thread {ident}",
            "main": ident == threading.main_thread().ident,
            "frames": [_place(one) for one in _outermost_first(frame)],
            "waits": _waits_of_thread(frame, frames, makers),
        }
        for ident, frame in frames.items()
    ]
    return {
        "threads": threads,
        "tasks": [_task(task, makers) for task in tasks],
        "loops": [
            {"id": id(loop), "thread": getattr(loop, "_thread_id", None), "class": type(loop).__qualname__}
            for loop in loops
        ],
    }


def _running_loops() -> list[asyncio.AbstractEventLoop]:
    found = []
    for one in gc.get_objects():
        with contextlib.suppress(Exception):  # a proxy may raise anything when it is asked for its class
            if isinstance(one, asyncio.AbstractEventLoop) and one.is_running():
                found.append(one)
    return found


def _tasks_of(loop: asyncio.AbstractEventLoop) -> list[asyncio.Task[object]]:
    with contextlib.suppress(RuntimeError):  # the set of all tasks changed too often meanwhile
        return sorted(asyncio.all_tasks(loop), key=lambda task: task.get_name())
    return []


def _outermost_first(frame: FrameType | None) -> list[FrameType]:
    frames = []
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    return frames[:MAX_FRAMES][::-1]


def _place(frame: FrameType) -> list[object]:
    path, line = frame.f_code.co_filename, frame.f_lineno or 0
    source = linecache.getline(path, line, frame.f_globals).strip()
    return [path, line, frame.f_code.co_name, source[:MAX_SOURCE]]


def _task(task: asyncio.Task[object], makers: _Makers) -> dict[str, object]:
    frames = list(_frames_of(task.get_coro()))
    waiter = getattr(task, "_fut_waiter", None)
    return {
        "id": id(task),
        "name": task.get_name(),
        "loop": id(task.get_loop()),
        "running": any(frame.f_back is not None for frame in frames[:1]),
        "frames": [_place(frame) for frame in frames[:MAX_FRAMES]],
        "waits": [] if waiter is None else makers.of(waiter),
    }


def _frames_of(awaited: object) -> Iterator[FrameType]:
    """Follow a coroutine to what it awaits at last; ``Task.get_stack()`` shows the first of it only."""
    for _ in range(MAX_FRAMES * 2):
        for prefix in ("cr", "gi", "ag"):
            frame = getattr(awaited, f"{prefix}_frame", None)
            if frame is not None:
                yield frame
                break
        else:
            return
        awaited = getattr(awaited, f"{prefix}_await", None) or getattr(awaited, f"{prefix}_yieldfrom", None)


def _waits_of_thread(
    frame: FrameType, frames: dict[int, FrameType], makers: _Makers
) -> list[dict[str, object]]:
    """Return what the thread's innermost frames show of its wait."""
    one: FrameType | None = frame
    for _ in range(6):  # from the system call to the function that users call it is a few frames at most
        if one is None:
            break
        file, name, me = one.f_code.co_filename, one.f_code.co_name, one.f_locals.get("self")
        if name == "join" and isinstance(me, threading.Thread):
            return [{"for": "thread", "id": me.ident, "name": me.name}]
        if name == "result" and isinstance(me, concurrent.futures.Future):
            return makers.of(me)
        if name in {"run_forever", "_run_once"} and isinstance(me, asyncio.AbstractEventLoop):
            return [{"for": "loop", "id": id(me)}]
        if file != threading.__file__:
            lock = lock_waited_for(one)
            if lock is not None:
                name, owner = lock
                return [{"for": "lock", "name": name, "holders": holders(owner, frames)}]
        one = one.f_back
    return []


class _Makers:
    """Finds out who would have to complete a future."""

    def __init__(
        self,
        loops: Iterable[asyncio.AbstractEventLoop],
        tasks: Iterable[asyncio.Task[object]],
        frames: dict[int, FrameType],
    ) -> None:
        self._tasks = list(tasks)
        self._frames = frames
        self._ready = [
            (loop, handle) for loop in loops for handle in tuple(getattr(loop, "_ready", ()) or ())
        ]
        self._futures = [one for one in gc.get_objects() if type(one) is concurrent.futures.Future]

    def of(self, future: object, *, depth: int = 4) -> list[dict[str, object]]:
        """Return what has to happen before ``future`` is done; one entry "unknown" if nothing shows it."""
        if isinstance(future, asyncio.Task):
            return [{"for": "task", "id": id(future), "name": future.get_name()}]
        children = getattr(future, "_children", None)  # of asyncio.gather()
        if children:
            return [entry for child in children if not child.done() for entry in self.of(child)]
        found = [entry for task in self._completing(future) for entry in self.of(task)]
        found += [
            {"for": "loop", "id": id(loop), "scheduled": True}
            for loop, handle in self._ready
            if _holds(getattr(handle, "_callback", None), future)
        ]
        found += [{"for": "thread", "id": ident} for ident in self._performing(future)]
        if not found and depth:
            for source in self._futures:
                callbacks = getattr(source, "_done_callbacks", ())
                if source is not future and any(_holds(callback, future) for callback in callbacks):
                    found += self.of(source, depth=depth - 1)
        return found or [{"for": "unknown", "kind": type(future).__name__}]

    def _completing(self, future: object) -> Iterator[asyncio.Task[object]]:
        """Find the tasks whose end completes ``future``: chained, shielded, waited for."""
        for task in self._tasks:
            callbacks = getattr(task, "_callbacks", None) or ()
            if any(_holds(callback[0], future) for callback in callbacks):
                yield task

    def _performing(self, future: object) -> Iterator[int]:
        """Find the threads of pools that work on ``future``."""
        for ident, innermost in self._frames.items():
            for frame in _outermost_first(innermost):
                me = frame.f_locals.get("self") if frame.f_code.co_name == "run" else None
                if me is not None and getattr(me, "future", None) is future:
                    yield ident


def _holds(callback: object, wanted: object) -> bool:
    """Whether a callback would be given, or has closed over, one object."""
    inner = getattr(callback, "func", callback)
    cells = getattr(inner, "__closure__", None) or ()
    with contextlib.suppress(ValueError):  # a cell that is empty yet
        if any(cell.cell_contents is wanted for cell in cells):
            return True
    return any(one is wanted for one in (*getattr(callback, "args", ()), getattr(inner, "__self__", None)))
