"""The executor of the bridge's loops: threads for functions that block."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import functools
import os
import weakref
from _queue import Empty, SimpleQueue
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from agent_runtime.bridge.threads import (
    CannotStartThreadError,
    block_signals,
    disown_thread,
    get_ident,
    leave_child,
    restore_signals,
    start_thread,
)
from agent_runtime.outcomes import Outcome, capture

__all__ = ("CLOSE_LIMIT", "Delivery", "WorkerPool", "Workers", "lend_executor", "lend_place", "lent_to")

CLOSE_LIMIT = 10.0
"""Seconds that leftover tasks, and functions in threads, get to end when a loop is closed; a guess."""


@runtime_checkable
class Job(Protocol):
    """A function for a thread of a pool."""

    def run(self) -> Outcome[Any]:
        """Call the function; never raises."""

    def report(self, outcome: Outcome[Any], /) -> None:
        """Tell whoever waits what has come of it; never raises."""


class WorkerPool:
    """Threads for the blocking functions of one loop; they start when they are needed, and end when idle.

    Unlike those of ``concurrent.futures`` they are real wherever the process has been patched, they start
    in exit hooks too, and keep no process from ending. At most as many functions run at once as in
    asyncio's own executor. A thread that waits in a sync call hands its place on: what it waits for may need
    one. Where no thread can start, a function runs on the thread that submits it.

    All of it is lock-free. Whoever changes one of ``_backlog`` and ``_idle`` looks at the other one
    afterwards: of two who race, at least one sees the other.
    """

    def __init__(self) -> None:
        self.process = os.getpid()
        self._limit = min(32, (os.cpu_count() or 1) + 4)
        self._backlog: deque[Job] = deque()
        self._idle: deque[SimpleQueue[Job | None]] = deque()
        self._alive: deque[None] = deque()
        self._lent: set[int] = set()
        self._on_end: Callable[[], object] | None = None

    def submit(self, job: Job) -> None:
        """Have a thread perform ``job``; where none can start, perform it right here."""
        try:
            worker = self._idle.pop()
        except IndexError:
            pass
        else:
            worker.put(job)
            return
        if self._has_room:
            self._start(job)
            return
        self._backlog.append(job)
        with contextlib.suppress(IndexError):
            self._wake(self._idle.pop())

    @property
    def is_at_rest(self) -> bool:
        """Whether no thread of it is left."""
        return not self._alive

    def end(self, on_end: Callable[[], object]) -> None:
        """Let the threads end when nothing is left to do; ``on_end()`` is called by the last one."""
        self._on_end = on_end
        with contextlib.suppress(IndexError):
            while True:
                self._idle.pop().put(None)

    def lend(self) -> None:
        """Let another thread start in the place of this one, which is the pool's and waits in a call."""
        ident = get_ident()
        if ident in self._lent:
            return
        self._lent.add(ident)
        try:
            job = self._backlog.popleft()
        except IndexError:
            return
        self._start(job)

    @property
    def _has_room(self) -> bool:
        return len(self._alive) < self._limit + len(self._lent)

    def _start(self, job: Job) -> None:
        self._alive.append(None)
        try:
            start_thread(functools.partial(self._serve, job), name="agent_runtime executor")
        except CannotStartThreadError:
            self._alive.pop()
            job.report(job.run())
        except BaseException:  # a signal handler's, perhaps after the start: one too many is counted
            job.report(Outcome())
            raise

    def _wake(self, worker: SimpleQueue[Job | None]) -> None:
        try:
            worker.put(self._backlog.popleft())
        except IndexError:
            self._idle.append(worker)

    def _serve(self, job: Job | None) -> None:
        own: SimpleQueue[Job | None] = SimpleQueue()
        _pool_of_thread[get_ident()] = self
        try:
            while job is not None:
                outcome = job.run()
                if self.process != os.getpid():
                    leave_child(outcome)
                job.report(outcome)
                del job, outcome
                self._lent.discard(get_ident())
                job = self._next(own)
        finally:
            _pool_of_thread.pop(get_ident(), None)
            disown_thread()
            self._alive.pop()
            if self._on_end is not None and not self._alive:
                self._on_end()

    def _next(self, own: SimpleQueue[Job | None]) -> Job | None:
        """Return what this thread is to do next; None if it is to end."""
        while True:
            with contextlib.suppress(IndexError):
                return self._backlog.popleft()
            if self._on_end is not None or len(self._alive) > self._limit + len(self._lent):
                return None
            self._idle.append(own)
            if (self._backlog or self._on_end is not None) and self._takes_back(own):
                continue
            mask = block_signals()
            try:
                return own.get(timeout=_IDLE_LIMIT)
            except Empty:
                return None if self._takes_back(own) else own.get()
            finally:
                restore_signals(mask)

    def _takes_back(self, worker: SimpleQueue[Job | None]) -> bool:
        """Take an idle worker off the list; if somebody else has, something is on its way to it."""
        try:
            self._idle.remove(worker)
        except ValueError:
            return False
        return True


_IDLE_LIMIT = 5.0
"""Seconds that a thread of a pool waits for more to do; a guess. It keeps no process alive."""

_pool_of_thread: dict[int, WorkerPool] = {}


def lend_place() -> None:
    """Have the pool whose thread this is, if it is one's, go on without it: it waits in a sync call."""
    pool = _pool_of_thread.get(get_ident())
    if pool is not None:
        pool.lend()


class Delivery:
    """A function on its way to a thread of a pool, and the loop's future for what comes of it."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, fn: Callable[..., Any], args: tuple[object, ...]
    ) -> None:
        self._loop = loop
        self._fn = fn
        self._args = args
        self.future: asyncio.Future[Any] = loop.create_future()

    def run(self) -> Outcome[Any]:
        """Call the function, unless nobody waits for it any more."""
        return Outcome() if self.future.cancelled() else capture(self._fn, *self._args)

    def report(self, outcome: Outcome[Any]) -> None:
        """Settle the future, on the loop."""
        with contextlib.suppress(RuntimeError):  # the loop has been closed
            self._loop.call_soon_threadsafe(_settle, self.future, outcome)


def _settle(future: asyncio.Future[Any], outcome: Outcome[Any]) -> None:
    error = outcome.take_error()
    if future.done():
        return
    if isinstance(error, StopIteration):  # no coroutine can raise it, and no future takes it
        replacement = RuntimeError("a function in a thread raised StopIteration")
        replacement.__cause__ = error
        future.set_exception(replacement)
    elif error is not None:
        future.set_exception(error)
    else:
        future.set_result(outcome.value)
    del error


class Workers:
    """The pool of one loop, made when it is first needed; in a forked child another one."""

    def __init__(self) -> None:
        self._pool: WorkerPool | None = None

    def submit(self, job: Job) -> None:
        """Have a job performed."""
        pool = self._pool
        if pool is None or pool.process != os.getpid():
            pool = self._pool = WorkerPool()
        pool.submit(job)

    async def close(self) -> None:
        """Wait until all that has begun or waits has ended, CLOSE_LIMIT seconds at most; end the threads."""
        pool, self._pool = self._pool, None
        if pool is None or pool.process != os.getpid():
            return
        loop = asyncio.get_running_loop()
        ended = loop.create_future()

        def tell() -> None:
            with contextlib.suppress(RuntimeError):  # later than the limit
                loop.call_soon_threadsafe(_settle, ended, Outcome())

        pool.end(tell)
        if not pool.is_at_rest:
            await asyncio.wait([ended], timeout=CLOSE_LIMIT)


class _Lent:
    """An executor for a loop of somebody else's make: with futures of ``concurrent.futures``."""

    def __init__(self) -> None:
        self.workers = Workers()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **options: Any) -> concurrent.futures.Future[Any]:
        """Call ``fn`` in a thread."""
        promise = _Promise(functools.partial(fn, *args, **options))
        self.workers.submit(promise)
        return promise.future

    def shutdown(self, *args: Any, **options: Any) -> None:
        """Do nothing: the bridge ends the threads, or they do so themselves."""


class _Promise:
    """A function on its way to a thread of a pool, and the concurrent future for what comes of it."""

    def __init__(self, fn: Callable[[], Any]) -> None:
        self._fn = fn
        self.future: concurrent.futures.Future[Any] = concurrent.futures.Future()
        self._runs = False

    def run(self) -> Outcome[Any]:
        """Call the function, unless it has been called off."""
        self._runs = self.future.set_running_or_notify_cancel()
        return capture(self._fn) if self._runs else Outcome()

    def report(self, outcome: Outcome[Any]) -> None:
        """Settle the future."""
        error = outcome.take_error()
        if not self._runs:
            return
        if error is None:
            self.future.set_result(outcome.value)
        else:
            self.future.set_exception(error)
        del error


_lent: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Lent] = weakref.WeakKeyDictionary()


def lend_executor(loop: asyncio.AbstractEventLoop) -> None:
    """Give a loop of somebody else's make a default executor that works wherever the bridge does."""
    executor: Any = _Lent()
    if isinstance(loop, asyncio.BaseEventLoop):
        loop._default_executor = executor  # type: ignore[attr-defined]  # noqa: SLF001 - the setter takes one class only
    else:
        try:
            loop.set_default_executor(executor)
        except Exception:  # noqa: BLE001 - it takes one class only, or none; then it keeps its own
            return
    _lent[loop] = executor


def lent_to(loop: asyncio.AbstractEventLoop) -> Any:
    """Return the executor that :func:`lend_executor` has given to a loop, or None."""
    return _lent.get(loop)
