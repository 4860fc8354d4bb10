"""asgiref's thread-sensitive code in the work of a call: the thread that waits performs it.

``sync_to_async()`` sends plain code to the one thread that its request may use: Django's ORM does so with
every query. In a sync view that is the thread which waits in the call, and nobody else could free it. So
the work is shown an executor there, in the place where asgiref looks first, that sends what it is given to
the waiting thread as an errand: as ``async_to_sync()`` does, in a script as well. Where a loop runs in the
calling thread, the work finds what an ``await`` in its place would have found.

Imported by the first call of a process that has loaded asgiref, which is never imported here.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import contextvars
import functools
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from agent_runtime.bridge.hostloop import running_loop
from agent_runtime.bridge.interrupts import InterruptGuard
from agent_runtime.bridge.service import Errand
from agent_runtime.bridge.threads import get_ident
from agent_runtime.outcomes import Outcome

if TYPE_CHECKING:
    from agent_runtime.bridge.call import Call

__all__ = ("CallersExecutor", "Place", "place_of_this_thread")


class Place(NamedTuple):
    """Where asgiref looks for an executor, and what the work of a call is to find there.

    Attributes:
        current: asgiref's ``AsyncToSync.executors``, without its lock: a signal handler could wait for that.
        variable: the context variable behind it.
        threadlocal: what asgiref notes on a thread on which it runs code.
        before: the executor that the calling thread's own code would be given first, if any.
        serves: whether the thread that waits has to perform what is thread-sensitive.
    """

    current: Any
    variable: contextvars.ContextVar[Any]
    threadlocal: Any
    before: Any
    serves: bool

    def show(self, call: Call[Any]) -> Callable[[], object]:
        """Show the executor to what runs in this context, on the loop thread; return what takes it away."""
        found = self.variable.get(None)
        kept = dict(found) if isinstance(found, dict) else found  # asgiref 3.8.1 writes into it
        self.current.current = CallersExecutor(call, self) if self.serves else self.before
        if kept is None:
            return functools.partial(delattr, self.current, "current")
        return functools.partial(self.variable.set, kept)


def place_of_this_thread() -> Place | None:
    """Return what is to be shown to work for which this thread is about to wait, or None for nothing."""
    sync: Any = sys.modules.get("asgiref.sync")
    to_sync, to_async = getattr(sync, "AsyncToSync", None), getattr(sync, "SyncToAsync", None)
    current = getattr(getattr(to_sync, "executors", None), "_storage", None)
    variable = getattr(current, "_data", None)
    if to_sync is None or to_async is None or not isinstance(variable, contextvars.ContextVar):
        return None  # somebody is importing it just now
    before = getattr(current, "current", None)
    loop = running_loop()
    if loop is None:
        return Place(current, variable, to_async.threadlocal, before, serves=True)
    before = before or to_sync.loop_thread_executors.get(loop)
    threadlocal = to_async.threadlocal
    if _is_served_here(before) if before else _was_sent_here(threadlocal, loop):
        return Place(current, variable, threadlocal, before, serves=True)
    return Place(current, variable, threadlocal, before, serves=False) if before else None


def _is_served_here(executor: Any) -> bool:
    """Whether this thread, which is about to wait, is the one that an executor needs."""
    if isinstance(executor, CallersExecutor):
        return executor.is_served_here
    thread = getattr(executor, "_work_thread", None)
    return thread is not None and thread.ident == get_ident()


def _was_sent_here(threadlocal: Any, loop: object) -> bool:
    """Whether asgiref has sent code here that runs its own loop: its request may have no other thread."""
    sender = getattr(threadlocal, "main_event_loop", None)
    return sender is not None and sender is not loop and sender.is_running()


class CallersExecutor:
    """Stands where asgiref looks for a ``CurrentThreadExecutor``: sends work to the thread that waits.

    False where it cannot serve: when the call has ended, and for code of the waiting thread itself, so
    that asgiref goes on to look elsewhere. Tasks may outlive the call that they were started in.

    Args:
        call: whose caller waits.
        place: where this is shown.
    """

    def __init__(self, call: Call[Any], place: Place) -> None:
        self._call = call
        self._loop = running_loop()
        self._threadlocal = place.threadlocal
        self._old_executor = place.before
        """Who serves when this one does not; asgiref's own executors ask for it under this name."""

    def __bool__(self) -> bool:
        return self._serves or bool(self._old_executor)

    @property
    def is_served_here(self) -> bool:
        """Whether this thread is the one that waits."""
        return not self._call.abandoned and self._call.made_on == get_ident()

    @property
    def _serves(self) -> bool:
        if self._call.abandoned:
            return False
        return not self.is_served_here or running_loop() is self._loop  # with strategy="direct"

    def submit(self, fn: Callable[..., Any], /, *args: object) -> concurrent.futures.Future[Any]:
        """Have the waiting thread call ``fn(*args)``; from any thread, returns at once."""
        if not self._serves and self._old_executor is not None:
            promise: concurrent.futures.Future[Any] = self._old_executor.submit(fn, *args)
            return promise
        work = _Work(fn, args, self._threadlocal)
        self._call.send(work)
        return work.promise

    # An executor of asgiref that has ended hands on what it is given to the one outside it, in these terms.
    @property
    def _broken(self) -> bool:
        return not self._serves

    @property
    def _work_ready(self) -> Self:
        return self

    @property
    def _work_items(self) -> Self:
        return self

    def __enter__(self) -> None:
        """Have nothing to lock."""

    def __exit__(self, *_: object) -> None:
        """Have nothing to unlock."""

    def append(self, item: Any) -> None:
        """Have the waiting thread run a piece of work that has a future of its own."""
        self._call.send(_Work(item.run, (), self._threadlocal))

    def notify(self) -> None:
        """Have told the waiting thread already."""


class _Work(Errand[Any]):
    """An errand for whoever has a future of ``concurrent.futures`` in hand."""

    __slots__ = ("_threadlocal", "promise")

    def __init__(self, fn: Callable[..., Any], args: tuple[object, ...], threadlocal: Any) -> None:
        # Not the one of Errand: no loop has to run where this is made, and its future is another.
        self._fn = fn
        self._args = args
        self._context = contextvars.copy_context()
        self._future = None
        self._threadlocal = threadlocal
        self.promise: concurrent.futures.Future[Any] = concurrent.futures.Future()

    @property
    def what(self) -> str:
        """The name of the function that asgiref's own is wrapped around, for messages."""
        inner = (getattr(self._fn, "args", ()) or (self._fn,))[-1]
        function = getattr(inner, "func", inner)
        return getattr(function, "__qualname__", repr(function))

    def perform(self, guard: InterruptGuard | None = None) -> SystemExit | None:
        """Call the function on this thread, unless it was called off; see :meth:`Errand.perform`."""
        if not self.promise.set_running_or_notify_cancel():
            return None
        try:
            with _as_before(self._threadlocal) as loop_outside:
                self._keep_off_this_loop(loop_outside)
                self._future = self.promise  # type: ignore[assignment]  # asked only whether it is cancelled
                return super().perform(guard)
        finally:
            if not self.promise.done():  # a signal handler's exception came before anything could
                self.report(Outcome(error=sys.exception()))
            self._fn, self._args, self._future = bool, (), None

    def report(self, outcome: Outcome[Any]) -> None:
        """Hand the outcome to whoever has the future, from any thread."""
        promise, error = self.promise, outcome.error
        if promise.done() or not (promise.running() or promise.set_running_or_notify_cancel()):
            return
        if isinstance(error, StopIteration):  # no future takes it, and whoever awaits would wait for ever
            stop, error = error, RuntimeError(f"{self.what} raised StopIteration")
            error.__cause__ = stop
        if error is None:
            promise.set_result(outcome.value)
        else:
            promise.set_exception(error)

    def _keep_off_this_loop(self, loop_outside: object) -> None:
        """Have ``async_to_sync()`` in the function use another loop than the one that this thread drives.

        asgiref notes the loop that has sent the function, to run on it what that calls. With
        ``strategy="direct"`` that loop stands still until the function has returned.
        """
        args = getattr(self._fn, "args", ())
        if args and args[0] is not None and args[0] is running_loop():
            assert isinstance(self._fn, functools.partial)
            self._fn = functools.partial(self._fn.func, loop_outside, *args[1:], **self._fn.keywords)


@contextlib.contextmanager
def _as_before(threadlocal: Any) -> Iterator[object]:
    """Keep what asgiref has noted on this thread: code after the call is to find the loop of its own host."""
    notes = vars(threadlocal)
    kept = dict(notes)
    try:
        yield kept.get("main_event_loop")
    finally:
        notes.clear()
        notes.update(kept)
