"""Sync iteration over async generators, and ``with`` over async context managers: one task each."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Generic, TypeVar

from agent_runtime.bridge.call import Call
from agent_runtime.bridge.caller import made_on
from agent_runtime.bridge.interrupts import InterruptGuard, in_main_thread
from agent_runtime.bridge.portals import PortalSet
from agent_runtime.bridge.process import this_threads_portal
from agent_runtime.bridge.stalls import StallLookout
from agent_runtime.bridge.waiting import stop_listening, wait

__all__ = ("Entered", "pump")

T = TypeVar("T")


class _Item(Generic[T]):
    """Told to the caller: one value, and the work goes on when asked to."""

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value


class _Conversation(Generic[T]):
    """A call that hands out several values before it ends, each when the caller comes for it.

    Args:
        portals: whose loop thread does the work.
        work: the async function; it is given this conversation, for :meth:`hand_out`.
        names: for messages.
    """

    def __init__(
        self,
        portals: PortalSet,
        work: Callable[[_Conversation[T]], Coroutine[Any, Any, None]],
        names: tuple[str, str],
    ) -> None:
        self._portals = portals
        self._names = names
        self._call: Call[None] = Call(work, (self,), context=contextvars.copy_context(), timeout=None)
        self._portal = portals.for_this_thread()
        self._asked: asyncio.Future[BaseException | None] | None = None
        self._begun = False
        self.ended = False

    async def hand_out(self, value: T) -> BaseException | None:
        """Give the caller a value, wait until it comes back; return what it comes back with."""
        self._asked = asyncio.get_running_loop().create_future()
        self._call.inbox.put(_Item(value))
        return await self._asked

    def go_on(self, reply: BaseException | None = None) -> _Item[T] | None:
        """Let the work go on until it hands out a value or ends; blocks this thread.

        Returns:
            The value, wrapped; None when the work has ended.

        Raises:
            BaseException: whatever the work raised, the object itself; or a signal handler.
        """
        __tracebackhide__ = True
        if self._begun:
            self._portal.call_soon(self._answer, reply)
        return self._listen(submit=not self._begun)

    def cancel(self) -> None:
        """Cancel the work where it stands and wait until it has cleaned up; blocks this thread."""
        __tracebackhide__ = True
        if not self._begun or self.ended:
            return
        self._portal.cancel(self._call)
        with contextlib.suppress(asyncio.CancelledError):
            while self._listen(submit=False) is not None:
                pass

    def _answer(self, reply: BaseException | None) -> None:
        if self._asked is not None and not self._asked.done():
            self._asked.set_result(reply)

    def _listen(self, *, submit: bool) -> _Item[T] | None:
        __tracebackhide__ = True
        lookout = StallLookout(self._names, timeout=None, stall_timeout=10.0)
        guarded = in_main_thread()
        with (
            InterruptGuard(self._call) if guarded else contextlib.nullcontext() as guard,
            made_on(this_threads_portal(), self._call, self._portal),
        ):
            if submit:
                self._begun = True
                self._portal.submit(self._call)
            news, interruption = wait(self._call, self._portal, guard, lookout)
        if isinstance(news, _Item) and interruption is None:
            return news
        self._end(interruption)
        return None

    def _end(self, interruption: BaseException | None) -> None:
        __tracebackhide__ = True
        self.ended = True
        interruption = stop_listening(self._call) or interruption
        outcome, self._call.outcome = self._call.outcome, None
        try:
            if interruption is not None:
                raise interruption
            if outcome is not None:
                outcome.unwrap()
        finally:
            del interruption, outcome


def pump(portals: PortalSet, source: AsyncIterator[T]) -> Iterator[T]:
    """Iterate over ``source`` on a portal; see :meth:`Bridge.iterate`."""
    __tracebackhide__ = True

    async def work(conversation: _Conversation[T]) -> None:
        closing = getattr(source, "aclose", None)
        try:
            async for item in source:
                await conversation.hand_out(item)
        finally:
            if closing is not None:
                await closing()

    conversation = _Conversation(portals, work, ("iterate", "anext"))
    try:
        while (item := conversation.go_on()) is not None:
            yield item.value
    finally:
        conversation.cancel()


class Entered(Generic[T]):
    """A sync context manager around an async one; see :meth:`Bridge.enter`."""

    def __init__(self, portals: PortalSet, manager: AbstractAsyncContextManager[T]) -> None:
        self._portals = portals
        self._manager = manager
        self._conversation: _Conversation[T] | None = None

    def __enter__(self) -> T:
        """Enter the manager on the loop thread."""
        __tracebackhide__ = True
        conversation = _Conversation(self._portals, self._work, ("enter", "stack.enter_async_context"))
        item = conversation.go_on()
        assert item is not None
        self._conversation = conversation
        return item.value

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        """Exit it there, in the same task, with what the block raised; return whether it dealt with that."""
        __tracebackhide__ = True
        assert self._conversation is not None
        try:
            self._conversation.go_on(error)
        except BaseException as raised:
            if raised is error:
                return False
            raise
        return error is not None

    async def _work(self, conversation: _Conversation[T]) -> None:
        async with self._manager as value:
            error = await conversation.hand_out(value)
            if error is not None:
                raise error
