"""The bridge's loops, and how its threads sleep: on a lock, whatever the process was patched with."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import logging
import selectors
import sys
from _queue import Empty, SimpleQueue  # the C class: reentrant against signals, untouched by gevent
from asyncio.log import logger
from collections import deque
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVarTuple, Unpack

from agent_runtime.bridge.threads import (
    allocate_lock,
    block_signals,
    copy_of,
    get_ident,
    original,
    patcher,
    restore_signals,
)
from agent_runtime.bridge.workers import CLOSE_LIMIT, Delivery, Workers, lent_to

__all__ = (
    "Empty",
    "Inbox",
    "OwnLoop",
    "ParkingLoop",
    "ParkingSelector",
    "PatientQueue",
    "default_loop_factory",
    "finish_loop",
    "made_in_silence",
    "plain_loop",
)

Ts = TypeVarTuple("Ts")

_loop_class: Any = asyncio.BaseEventLoop
_used = {*_loop_class.call_soon.__code__.co_names, *_loop_class._call_soon.__code__.co_names}  # noqa: SLF001
can_park = hasattr(asyncio.SelectorEventLoop, "_write_to_self") and {"_debug", "_ready"} <= _used
"""Whether asyncio still wakes its selector loop through the one method that is replaced here, and keeps what
is due where the other one puts it."""


def _default_selector() -> type[selectors.DefaultSelector]:
    """Return the platform's best selector, which blocks the thread, also where that has been taken away."""
    patches = patcher()
    if patches is None:
        return selectors.DefaultSelector
    if patches.__name__ == "gevent.monkey":
        found: type[selectors.DefaultSelector] = original("selectors", "DefaultSelector")
        return found
    # eventlet deletes the good ones. They are defined by what is in the module `select`.
    module = copy_of("selectors", select=sys.modules["eventlet.patcher"].original("select"))
    blocking: type[selectors.DefaultSelector] = module.DefaultSelector
    return blocking


if TYPE_CHECKING:
    _Selector = selectors.DefaultSelector
else:
    _Selector = _default_selector()


GRACE = 0.001
"""Seconds that a wait goes on before it blocks signals. To block and to restore them takes two system calls,
up to 5 µs, which each of many calls in a row would pay. A guess at what is long for them and short else."""

_WAITS_AFTER_A_CANCELLATION = 100
"""Waits without that grace: an interrupted main thread may block signals next, and end. A guess."""


class ParkingSelector(_Selector):
    """A selector for a loop that other threads wake all the time, and sockets only now and then.

    To wake a thread out of ``epoll_wait`` takes three system calls and a socket; out of a lock, one
    futex. So while the loop watches nothing but its own self-pipe, ``select`` waits for a token in a
    queue, and as soon as there is a descriptor to watch, for descriptors.

    No wake-up is lost. Whoever wakes puts a token first and looks at ``polling`` then; the loop sets
    ``polling`` first and looks for a token then: of two who race, at least one sees the other. Tokens
    are taken only after the wait: whoever put one has queued its callback before, and the loop looks
    at its callbacks next.

    A wait of the portal's thread that takes longer than :data:`GRACE` is done with signals blocked; after a
    cancellation from outside any is, for some waits.

    Attributes:
        polling: whether the loop sleeps, or is about to, where only the self-pipe can wake it.
        may_park: False to wait for descriptors alone, for a loop that the main thread drives: there
            a signal must end the wait, whenever it comes.
        on_wake: called on the loop's thread after each wait; must not raise.
        tokens: to put one ends the next wait, or the one that goes on; from any thread, reentrant.
    """

    def __init__(self) -> None:
        super().__init__()
        self.polling = False
        self.may_park = True
        self.on_wake: Callable[[], object] = bool
        self.tokens: SimpleQueue[None] = SimpleQueue()
        self._watched = 0
        self._grace = GRACE
        self._waits_without = 0

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Watch one more descriptor."""
        key = super().register(fileobj, events, data)
        self._watched += 1
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """Watch one descriptor less."""
        key = super().unregister(fileobj)
        self._watched -= 1
        return key

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait until there is something to do, ``timeout`` seconds at most; None is for ever."""
        tokens = self.tokens
        events: list[tuple[selectors.SelectorKey, int]] = []
        if self._watched > 1 or not self.may_park:
            events = self._poll(timeout)
        elif timeout is None or timeout > 0:
            try:
                grace = self._grace
                tokens.get(timeout=grace if timeout is None or timeout > grace else timeout)
            except Empty:
                self._park(timeout)
        while not tokens.empty():
            tokens.get()
        self.on_wake()
        return events

    def rest_at_once(self) -> None:
        """Block signals from the start of each wait, for the next ones; from any thread."""
        self._waits_without = _WAITS_AFTER_A_CANCELLATION
        self._grace = 0.0

    def _take_grace(self) -> float:
        """Return the grace of one wait."""
        grace = self._grace
        if not grace:
            self._waits_without -= 1
            if self._waits_without <= 0:
                self._grace = GRACE
        return grace

    def _park(self, timeout: float | None) -> None:
        """Wait on for a token and take it, when it has not come at once."""
        grace = self._take_grace()
        if timeout is not None and timeout <= grace:
            return
        mask = block_signals()
        try:
            self.tokens.get(timeout=None if timeout is None else timeout - grace)
        except Empty:
            pass
        finally:
            restore_signals(mask)

    def _poll(self, timeout: float | None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait for a descriptor, or for a token and leave it there."""
        if timeout is not None and timeout <= 0:
            return super().select(timeout)
        grace = self._take_grace()
        if not self.may_park or (timeout is not None and timeout <= grace):
            return self._poll_openly(timeout)
        events = self._poll_openly(grace)
        if events or not self.tokens.empty():
            return events
        mask = block_signals()
        try:
            return self._poll_openly(None if timeout is None else timeout - grace)
        finally:
            restore_signals(mask)

    def _poll_openly(self, timeout: float | None) -> list[tuple[selectors.SelectorKey, int]]:
        self.polling = True
        try:
            return super().select(timeout if self.tokens.empty() else 0)
        finally:
            self.polling = False


class OwnLoop(asyncio.SelectorEventLoop if sys.platform != "win32" else asyncio.ProactorEventLoop):  # type: ignore[misc]
    """asyncio's standard loop, except for what that takes from the process: threads, child watcher, sockets.

    Its default executor is a :class:`WorkerPool`; ``set_default_executor()`` puts another in its place.
    """

    def __init__(self, *args: Any) -> None:
        self._workers = Workers()
        try:
            super().__init__(*args)
        except BaseException:  # no descriptor is left, say: an epoll object can be had, and no sockets
            self._closed = True  # or the collector would complain of what is missing here
            for opened in (*args, getattr(self, "_ssock", None), getattr(self, "_csock", None)):
                if opened is not None:
                    opened.close()
            raise

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:
        """Call ``func`` in a thread; return a future of this loop for what it returns."""
        if executor is not None or self._default_executor is not None:
            return super().run_in_executor(executor, func, *args)
        self._check_closed()
        if self.get_debug():
            self._check_callback(func, "run_in_executor")
        delivery = Delivery(self, func, args)
        self._workers.submit(delivery)
        return delivery.future

    async def shutdown_default_executor(self, *args: Any, **options: Any) -> None:
        """Wait for the functions in threads, CLOSE_LIMIT seconds at most."""
        await self._workers.close()
        if self._default_executor is not None:  # somebody's own
            await super().shutdown_default_executor(*args, **options)

    async def shutdown_asyncgens(self) -> None:
        """Close the async generators that are open; the loop may go on, and have others."""
        await super().shutdown_asyncgens()
        # Calls come when the process ends, and asyncio would warn of each generator of theirs.
        self._asyncgens_shutdown_called = False

    async def getaddrinfo(self, host: Any, port: Any, **options: Any) -> Any:
        """Look a host name up in a thread; past a library that would look it up with greenlets."""
        if patcher() is None:
            return await super().getaddrinfo(host, port, **options)
        look_up = functools.partial(original("socket", "getaddrinfo"), host, port, **options)
        return await self.run_in_executor(None, look_up)

    async def getnameinfo(self, sockaddr: Any, flags: int = 0) -> Any:
        """Look an address up in a thread; as getaddrinfo()."""
        return await self.run_in_executor(None, original("socket", "getnameinfo"), sockaddr, flags)

    if sys.platform != "win32":

        async def _make_subprocess_transport(self, *args: Any, **options: Any) -> Any:
            from agent_runtime.bridge.children import start_process

            return await start_process(self, *args, **options)


class ParkingLoop(OwnLoop):
    """asyncio's standard loop for Unix with a :class:`ParkingSelector`, its ``parking``.

    Is given the selector, because a loop that fails while it makes one complains when it is collected.
    """

    def __init__(self, parking: ParkingSelector) -> None:
        self.parking = parking
        self._put_token = parking.tokens.put
        super().__init__(parking)

    def call_soon(
        self,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        """Do as asyncio's own outside debug mode, in half the time: each step of each task comes here."""
        if self._debug or self._closed:
            plain: asyncio.Handle = super().call_soon(callback, *args, context=context)
            return plain
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def _write_to_self(self) -> None:
        self._put_token(None)
        if self.parking.polling:
            super()._write_to_self()

    wake = _write_to_self


def made_in_silence(loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> asyncio.AbstractEventLoop:
    """Make a loop without a line of asyncio's log: the caller may hold the lock of its handler."""
    thread = get_ident()

    def is_of_another_thread(_record: logging.LogRecord) -> bool:
        return get_ident() != thread

    logger.addFilter(is_of_another_thread)
    try:
        return loop_factory()
    finally:
        logger.removeFilter(is_of_another_thread)


class PatientQueue(deque[Any]):
    """A queue for one reader that keeps to its timeout, whatever signal handlers do meanwhile.

    Before CPython 3.13, ``SimpleQueue.get(timeout=)`` waits without limit once a signal handler has
    run longer than the rest of the timeout: what is left is negative then, and is taken for no limit.
    A lock's timeout does not have that defect.

    ``put`` appends first and frees the lock then; ``get`` takes the lock first and looks then. A lock
    that was freed for what has been taken already costs the reader one more look. It is a deque, and
    does not have one, because that saves 0.8 of the 1.5 microseconds that it costs more than the C class.
    """

    __slots__ = ("_asleep",)

    def __init__(self) -> None:
        self._asleep = asleep = allocate_lock()
        asleep.acquire()

    def put(self, item: object, /) -> None:
        """Add ``item``; from any thread, and may interrupt anything."""
        self.append(item)
        try:  # noqa: SIM105 - suppress() costs a microsecond a call
            self._asleep.release()
        except RuntimeError:
            pass  # somebody else has freed it for us, too

    def get(self, timeout: float = -1) -> Any:
        """Return the oldest item; blocks the thread until there is one.

        Args:
            timeout: seconds to wait at most; -1 is for ever.

        Raises:
            Empty: there was none in that time.
        """
        while not self:
            if not self._asleep.acquire(True, timeout) and not self:
                raise Empty
        return self.popleft()

    def empty(self) -> bool:
        """Whether there is none."""
        return not self


Inbox: Any = SimpleQueue if sys.version_info >= (3, 13) else PatientQueue
"""Where a waiting thread is told things. ``put`` may interrupt anything; one thread only ``get``s."""


def default_loop_factory() -> asyncio.AbstractEventLoop:
    """Make asyncio's standard loop for the platform; on Unix, one that other threads wake cheaply."""
    if sys.platform != "win32" and can_park:
        return ParkingLoop(ParkingSelector())
    return plain_loop()


def plain_loop() -> asyncio.AbstractEventLoop:
    """Make the platform's standard loop, without asking the policy: that may be somebody's own."""
    if sys.platform == "win32":
        return OwnLoop()
    return OwnLoop(_default_selector()())


def finish_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel what is left on a loop that has stopped, and close its async generators."""
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        _complete(loop, asyncio.wait(left, timeout=CLOSE_LIMIT))
    _complete(loop, loop.shutdown_asyncgens())
    lent = lent_to(loop)
    if lent is not None:
        _complete(loop, lent.workers.close())
    if lent is None or getattr(loop, "_default_executor", lent) is not lent:
        _complete(loop, loop.shutdown_default_executor())


def _complete(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, object]) -> None:
    with contextlib.closing(work):  # a loop that has failed does not begin it
        loop.run_until_complete(work)
