"""Waiting without blocking: in a greenlet whose parent can await, the task sleeps and its loop goes on.

A sync call blocks the loop of the thread it is made from, because Python cannot suspend plain
functions. Greenlets can. greenback has one for each task that has asked for it beforehand
(``await greenback.ensure_portal()``); SQLAlchemy runs the function of ``run_sync()`` in one, and awaits what
is handed to its parent. Where that has happened, and only there, the one place in which a sync call waits
suspends the calling task instead. The work runs on the portal as ever.

Nothing here imports greenback, greenlet or trio: a task that they know of has imported them.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from _queue import Empty
from collections.abc import Awaitable, Callable
from functools import partial
from time import monotonic
from typing import Any, Protocol, runtime_checkable

from agent_runtime.bridge.hiding import call_in_sight, host_of_this_greenlet
from agent_runtime.bridge.hostloop import run_of_trio, running_loop
from agent_runtime.bridge.process import is_of_the_parent

__all__ = ("Sleeper", "TaskInbox", "sleeper_of_this_coroutine", "sleeper_of_this_task")


@runtime_checkable
class Sleeper(Protocol):
    """How the calling task sleeps until another thread, or its own, wakes it."""

    def wake(self) -> None:
        """Wake the task, from any thread, also from a signal handler; stays in force until ``reset``."""

    def reset(self) -> None:
        """Forget that it has been woken; on the task's thread."""

    def sleep(self, seconds: float | None) -> Awaitable[None]:
        """Sleep until woken, or until ``seconds`` have passed.

        Raises:
            BaseException: the task is cancelled.
        """

    def sleep_here(self, seconds: float | None) -> None:
        """Sleep like that in plain code of the task; only for who is given by :func:`sleeper_of_this_task`.

        Raises:
            BaseException: the task is cancelled.
        """

    def sleep_on(self) -> Awaitable[None]:
        """Sleep until woken in a task that has been cancelled already, whatever goes on cancelling it.

        Raises:
            BaseException: the task is cancelled once more, by hand.
        """


def sleeper_of_this_task() -> Sleeper | None:
    """Return how the calling task can sleep, or None where waiting means blocking; never raises."""
    greenlet = sys.modules.get("greenlet")
    if greenlet is None:
        return None
    has_portal = getattr(sys.modules.get("greenback"), "has_portal", None)
    if has_portal is not None and has_portal():
        return _sleeper(sys.modules["greenback"].await_)
    loop, task = host_of_this_greenlet()
    if has_portal is not None and task is not None and has_portal(task):
        return call_in_sight(_sleeper, partial(call_in_sight, sys.modules["greenback"].await_))
    here = greenlet.getcurrent()
    if loop is not None and getattr(here, _AWAITED_BY_ITS_PARENT, False):
        return _AsyncioSleeper(loop, here.parent.switch)
    return None


_AWAITED_BY_ITS_PARENT = "__sqlalchemy_greenlet_provider__"
"""What SQLAlchemy, and those who take its place, say of a greenlet whose parent awaits what it is handed."""

_Await = Callable[[Awaitable[None]], object]


def _sleeper(await_: _Await) -> Sleeper | None:
    """Return how the task sleeps that is to be seen here."""
    trio = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_task():
        return None if is_of_the_parent(run_of_trio()) else _TrioSleeper(trio, await_)
    loop, _ = host_of_this_greenlet()
    return None if loop is None else _AsyncioSleeper(loop, await_)


def sleeper_of_this_coroutine() -> Sleeper:
    """Return how the coroutine that runs here can sleep: in a task of asyncio or of trio.

    Raises:
        RuntimeError: neither drives it.
    """
    loop, trio = running_loop(), sys.modules.get("trio")
    # In a guest of asyncio's loop, trio's tasks run in its callbacks; where a task of trio makes a call on
    # its own thread, asyncio's tasks run in that.
    if trio is not None and trio.lowlevel.in_trio_task() and (loop is None or not asyncio.current_task(loop)):
        return _TrioSleeper(trio)
    if loop is None:
        raise RuntimeError("run_async() must be awaited by asyncio or trio; elsewhere, call run_sync()")
    return _AsyncioSleeper(loop)


class TaskInbox:
    """The inbox of a call whose caller sleeps in its task where a thread would block.

    Takes the place of the call's plain inbox, whose news it gives out, while the caller waits.
    """

    def __init__(self, plain: Any, sleeper: Sleeper) -> None:
        self.plain = plain
        self._sleeper = sleeper

    def put(self, news: object, /) -> None:
        """Add news, from any thread; may interrupt anything."""
        self.plain.put(news)
        self._sleeper.wake()

    def empty(self) -> bool:
        """Whether there is no news."""
        return bool(self.plain.empty())

    def get(self, timeout: float | None = None) -> object:
        """Return the next news; suspends the calling task until there is one.

        Raises:
            Empty: there was none for ``timeout`` seconds.
            BaseException: the task was cancelled meanwhile.
        """
        __tracebackhide__ = True
        until = None if timeout is None else monotonic() + timeout
        while True:
            # Wakers put first and wake then, and what they wake runs on this thread when we sleep.
            self._sleeper.reset()
            if not self.plain.empty():
                return self.plain.get()
            left = None if until is None else until - monotonic()
            if left is not None and left <= 0:
                raise Empty
            self._sleeper.sleep_here(left)


class _AsyncioSleeper:
    """Sleeps in a task of asyncio, or of a loop that behaves as asyncio's."""

    def __init__(self, loop: asyncio.AbstractEventLoop, await_: _Await | None = None) -> None:
        self._await = await_
        self._loop = loop
        self._woken = asyncio.Event()
        self._cancelled = False

    def wake(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has been closed, and nobody sleeps there
            self._loop.call_soon_threadsafe(self._woken.set)

    def reset(self) -> None:
        self._woken.clear()

    def sleep_here(self, seconds: float | None) -> None:
        __tracebackhide__ = True
        assert self._await is not None
        self._await(self.sleep(seconds))

    async def sleep(self, seconds: float | None) -> None:
        # No asyncio.timeout(): greenback keeps what is thrown into the task in a frame that the traceback
        # of it leads back to, and all frames that wait here with it, the caller's own among them.
        timer = None if seconds is None else self._loop.call_later(seconds, self._woken.set)
        try:
            await (self.sleep_on() if self._cancelled else self._woken.wait())
        except asyncio.CancelledError:
            self._cancelled = True
            raise
        finally:
            if timer is not None:
                timer.cancel()

    async def sleep_on(self) -> None:
        anyio = sys.modules.get("anyio")
        if anyio is None:
            await self._woken.wait()
            return
        with anyio.CancelScope(shield=True):  # AnyIO cancels again at each turn of the loop
            await self._woken.wait()


class _TrioSleeper:
    """Sleeps in a task of trio, which goes on cancelling once it has begun: the cleanup is shielded."""

    def __init__(self, trio: Any, await_: _Await | None = None) -> None:
        self._await = await_
        self._trio = trio
        self._token = trio.lowlevel.current_trio_token()
        self._cancelled = False
        self.reset()

    def wake(self) -> None:
        with contextlib.suppress(self._trio.RunFinishedError):
            self._token.run_sync_soon(self._set, idempotent=True)

    def reset(self) -> None:
        self._woken = self._trio.Event()

    def _set(self) -> None:
        self._woken.set()

    def sleep_here(self, seconds: float | None) -> None:
        __tracebackhide__ = True
        assert self._await is not None
        self._await(self.sleep(seconds))

    async def sleep(self, seconds: float | None) -> None:
        limit = float("inf") if seconds is None else seconds
        shielded, thrown = self._cancelled, None
        with self._trio.move_on_after(limit, shield=shielded) as scope:
            try:
                await self._woken.wait()
            except self._trio.Cancelled as error:
                self._cancelled, thrown = True, error
                raise
        if scope.cancelled_caught:  # it was our own limit
            self._cancelled = shielded
            assert thrown is not None
            thrown.__traceback__ = None  # as for asyncio: it would keep all frames alive that wait here

    async def sleep_on(self) -> None:
        await self.sleep(None)
