"""A program's runs in progress: closing cancels them, and whoever closes can wait for their end.

No lock: a signal handler or a finaliser may close a runtime on the very thread that it interrupts
while that begins or ends a run. Single operations of dict and deque are atomic; of two sides that
could miss each other, each first leaves its own word and then looks for the other's.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import math
import os
import sys
from _thread import get_ident
from collections import deque
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import NamedTuple, Self, SupportsFloat

from agent_runtime.errors import RunCancelledError, RuntimeClosedError

__all__ = (
    "NO_REQUEST",
    "Request",
    "Run",
    "Runs",
    "Stop",
    "all_ended",
    "as_limit",
    "checked_name",
    "is_inside",
)

Stop = Callable[[BaseException], None]

_FOR_EVER = 1e9
"""Seconds; what waits for locks and for sockets refuses much longer times."""

_LOOK = 0.5
"""Seconds between looks at whether a loop still runs whose run is waited for: a task that is left
behind on a loop that has stopped never ends. A guess."""


class Request(NamedTuple):
    """What is wanted of a run besides its outcome.

    Attributes:
        run_id: its id; a random one if none is given.
        key: its idempotency key.
        resumes: whether the run of this id is to be gone on with.
        allow_changes: whether it may have been begun with another version of the workflow.
        blocks: whether the calling thread waits in the call.
        cancels: whether it is to be cancelled, and what it has done undone.
    """

    run_id: str | None = None
    key: str | None = None
    resumes: bool = False
    allow_changes: bool = False
    blocks: bool = False
    cancels: bool = False

    @classmethod
    def of(cls, run_id: object, key: object) -> Request:
        """Return what a caller has asked for.

        Raises:
            TypeError: id or key is not a text, or there are both.
            ValueError: one is empty, too long, or not printable.
        """
        if run_id is None and key is None:
            return NO_REQUEST
        if run_id is not None and key is not None:
            raise TypeError("give run_id= or idempotency_key=, not both: the key finds the run")
        return cls(
            None if run_id is None else checked_name("run_id=", run_id),
            None if key is None else checked_name("idempotency_key=", key),
        )


NO_REQUEST = Request()

_MAX_NAME = 200
"""Characters of an id or a key; a guess."""


def checked_name(what: str, given: object) -> str:
    """Return an id or a key.

    Raises:
        TypeError: it is not a text.
        ValueError: it is empty, too long, or not printable.
    """
    if not isinstance(given, str):
        raise TypeError(f"{what} is a text, not {type(given).__name__}")
    if not 0 < len(given) <= _MAX_NAME or not given.isprintable():
        raise ValueError(f"{what} is a text of 1 to {_MAX_NAME} printable characters, not {given[:40]!a}")
    return str(given)


def as_limit(timeout: object) -> float | None:
    """Return a time limit in seconds; None if it is longer than anybody waits.

    One that has passed already is a limit, too: what is left until a deadline may be negative.

    Raises:
        TypeError: it is not a number.
        ValueError: it is not a number that can be compared.
    """
    if timeout is None:
        return None
    if isinstance(timeout, bool | str | bytes) or not isinstance(timeout, SupportsFloat):
        raise TypeError(f"timeout= is a number of seconds or None, not {type(timeout).__name__}")
    try:
        seconds = float(timeout)
    except OverflowError:  # an int beyond any float
        return None
    if math.isnan(seconds):
        raise ValueError("timeout= is NaN; give a number of seconds, or None for no limit")
    return None if seconds > _FOR_EVER else max(seconds, 0.0)


class Run:
    """One run, from the call of its entry point to the return; a context manager.

    Attributes:
        id: the run's id.
        ended: whether the entry point has returned, or the work of a stream has ended.
        caller: the thread that waits in the entry point; 0 while the reader of a stream is elsewhere.
    """

    __slots__ = (
        "_cancelled",
        "_listeners",
        "_loop",
        "_process",
        "_runs",
        "_stop",
        "_thread",
        "caller",
        "ended",
        "id",
    )

    def __init__(self, runs: Runs, run_id: str | None = None) -> None:
        self._runs = runs
        self._listeners: deque[Callable[[], None]] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0
        self.caller = get_ident()
        self._process = os.getpid()
        self._stop: Stop | None = None
        self._cancelled: BaseException | None = None
        self.id = os.urandom(16).hex() if run_id is None else run_id
        self.ended = False

    def __enter__(self) -> Self:
        """Enlist the run.

        Raises:
            RuntimeClosedError: its runtime is closed.
        """
        self._runs.check_open()
        self._runs.live[self] = None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the run."""
        self.end()

    def end(self) -> None:
        """Tell everybody who waits for the end; from any thread, any number of times."""
        self.ended = True
        self._stop = self._cancelled = None  # it holds the whole run, and contexts that outlive it hold this
        self._runs.live.pop(self, None)
        self._tell()

    def begun(self, stop: Stop) -> None:
        """Note how to stop the work; on its loop, in the context that its steps will see.

        Raises:
            RuntimeClosedError: its runtime has been closed meanwhile.
            RecursionError: runs stand inside each other as deep as Python lets calls do. Those that are
                awaited take no stack, and would go on until the memory is full.
        """
        around = tuple(run for run in _inside.get() if not run.ended)
        if len(around) >= sys.getrecursionlimit():
            raise RecursionError(f"a step of workflow '{self._runs.workflow}' runs it again, without end")
        _inside.set((*around, self))
        self._loop = asyncio.get_running_loop()
        self._thread = get_ident()
        self._stop = stop
        self._runs.check_open()
        if self._cancelled is not None:
            self._loop.call_soon(stop, self._cancelled)

    def close(self) -> None:
        """Stop the work because its runtime is closed; one that has not begun finds out by itself."""
        self._pass_on(RuntimeClosedError(self._runs.workflow, self.id))

    def cancel(self) -> None:
        """Stop the work for good, from any thread; one that has not begun is stopped as soon as it does."""
        self._cancelled = error = RunCancelledError(self.id, self._runs.workflow)
        self._pass_on(error)

    def _pass_on(self, error: BaseException) -> None:
        stop, loop = self._stop, self._loop
        if stop is None or loop is None or self._process != os.getpid():
            return
        with contextlib.suppress(RuntimeError):  # the loop is closed, and the work gone with it
            loop.call_soon_threadsafe(stop, error)

    async def wait(self) -> None:
        """Wait until the entry point has returned, as long as that can happen."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._listeners.append(functools.partial(_resolve, loop, done))
        while self._can_end(loop) and not done.done():
            await asyncio.wait((done,), timeout=_LOOK)

    def _can_end(self, waiting: asyncio.AbstractEventLoop) -> bool:
        """Whether a wait on the loop ``waiting`` is not in vain."""
        if self.ended or self._process != os.getpid():
            return False
        loop = self._loop
        if loop is None or loop is waiting:
            return True
        return loop.is_running() and self._thread != get_ident()  # here, it would stand below this one

    @property
    def needs_this_thread(self) -> bool:
        """Whether the thread that asks made the run, or runs its loop: a block of it would be in vain.

        Making it, a thread can get here by a signal handler or a finaliser, which interrupt its wait.
        """
        return self.needs_thread(get_ident())

    def needs_thread(self, ident: int) -> bool:
        """Whether a thread of this process made the run, or runs its loop."""
        return ident in (self.caller, self._thread) and ident != 0 and self._process == os.getpid()

    def _tell(self) -> None:
        while True:
            try:
                listener = self._listeners.pop()
            except IndexError:
                return
            listener()


_inside: contextvars.ContextVar[tuple[Run, ...]] = contextvars.ContextVar(
    "agent_runtime.runs.active.inside", default=()
)
"""The runs whose steps the running code belongs to, outermost first."""


class Runs:
    """All runs of one program; any threads use it at once.

    Attributes:
        workflow: the workflow's name.
        closed: whether further runs are refused.
        live: the runs in progress; a dict, because a set has no atomic copy.
    """

    __slots__ = ("closed", "live", "workflow")

    def __init__(self, workflow: str) -> None:
        self.workflow = workflow
        self.closed = False
        self.live: dict[Run, None] = {}

    def check_open(self) -> None:
        """Refuse if it is closed.

        Raises:
            RuntimeClosedError: it is.
        """
        if self.closed:
            raise RuntimeClosedError(self.workflow)

    def close(self) -> tuple[Run, ...]:
        """Refuse further runs and cancel those in progress; returns them, without those we are inside of."""
        self.closed = True
        live = tuple(self.live.copy())
        for run in live:
            run.close()
        around = _inside.get()
        return tuple(run for run in live if run not in around)

    def cancel(self, run_id: str) -> bool:
        """Cancel the run of this id, from any thread; whether there is one in progress."""
        found = [run for run in tuple(self.live.copy()) if run.id == run_id and not run.ended]
        for run in found:
            run.cancel()
        return bool(found)

    @staticmethod
    def inside_a_step() -> bool:
        """Whether the running code belongs to a step of any run that is in progress."""
        return any(not run.ended for run in _inside.get())


def is_inside(run_id: str) -> bool:
    """Whether the running code belongs to a step of this run."""
    return any(run.id == run_id and not run.ended for run in _inside.get())


async def all_ended(runs: Iterable[Run]) -> None:
    """Wait until the entry points of all these runs have returned."""
    for run in runs:
        await run.wait()


def _resolve(loop: asyncio.AbstractEventLoop, done: asyncio.Future[None]) -> None:
    with contextlib.suppress(RuntimeError):  # whoever waited has gone, and its loop is closed
        loop.call_soon_threadsafe(_set_done, done)


def _set_done(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)
