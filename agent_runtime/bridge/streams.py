"""Sync iteration over async generators, and ``with`` over async context managers: one task each."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from _queue import SimpleQueue
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Generic, TypeVar

from agent_runtime.bridge.call import TURNED_AWAY, Call, current_call
from agent_runtime.bridge.caller import made_on
from agent_runtime.bridge.interrupts import InterruptGuard, in_main_thread
from agent_runtime.bridge.portal import Portal
from agent_runtime.bridge.portals import PortalSet
from agent_runtime.bridge.process import this_threads_portal
from agent_runtime.bridge.stalls import StallLookout
from agent_runtime.bridge.waiting import late_interruption, stop_listening, wait
from agent_runtime.errors import BridgeClosedError, ForkedCallError

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
        self._work = work
        self._names = names
        self._context = contextvars.copy_context()
        self._call: Call[None] | None = None
        self._portal: Portal | None = None
        self._asked: asyncio.Future[BaseException | None] | None = None
        self._ended = False
        self._early: SimpleQueue[object] = SimpleQueue()

    async def hand_out(self, value: T) -> BaseException | None:
        """Give the caller a value, wait until it comes back; return what it comes back with."""
        call = current_call.get()
        assert call is not None
        self._asked = asyncio.get_running_loop().create_future()
        call.inbox.put(_Item(value))
        return await self._asked

    def begin(self) -> _Item[T] | None:
        """Start the work and wait until it hands out a value or ends; see :meth:`go_on`."""
        __tracebackhide__ = True
        with self._guarded(None) as guard:
            while True:
                portal = self._portals.for_this_thread()
                call: Call[None] = Call(self._work, (self,), context=self._context, timeout=None)
                call.is_resumable = True
                self._call, self._portal = call, portal
                while not self._early.empty():
                    call.inbox.put(self._early.get())
                news, interruption = self._wait(call, portal, guard, submit=True)
                if news is not TURNED_AWAY or interruption is not None:
                    break
        return self._take(news, interruption)

    def go_on(self, reply: BaseException | None = None) -> _Item[T] | None:
        """Let the work go on until it hands out a value or ends; blocks this thread.

        Returns:
            The value, wrapped; None when the work has ended.

        Raises:
            BridgeClosedError: the bridge has been closed meanwhile.
            ForkedCallError: this process is a child, and the work is its parent's.
            BaseException: whatever the work raised, the object itself; or a signal handler.
        """
        __tracebackhide__ = True
        call, portal = self._call, self._portal
        assert call is not None
        assert portal is not None
        if portal.is_of_another_process:
            self._ended = True
            raise ForkedCallError(call.what)
        if call.outcome is None:
            portal.call_soon(self._answer, reply)
        with self._guarded(call) as guard:
            news, interruption = self._wait(call, portal, guard, submit=False)
        return self._take(news, interruption)

    def cancel(self) -> None:
        """Cancel the work where it stands and wait until it has cleaned up; blocks this thread."""
        __tracebackhide__ = True
        call, portal = self._call, self._portal
        if call is None or portal is None or self._ended or portal.is_of_another_process:
            return
        self._ended = True
        with contextlib.suppress(asyncio.CancelledError, BridgeClosedError):
            self._wind_up(call, portal, None)

    def _answer(self, reply: BaseException | None) -> None:
        if self._asked is not None and not self._asked.done():
            self._asked.set_result(reply)

    @contextlib.contextmanager
    def _guarded(self, call: Call[None] | None) -> Iterator[InterruptGuard | None]:
        """Own SIGINT for the length of the block, if this is the main thread."""
        if not in_main_thread():
            yield None
            return
        with InterruptGuard(self if call is None else call) as guard:
            yield guard

    @property
    def inbox(self) -> Any:
        """Where an interruption goes that comes while the work is being started."""
        return self._call.inbox if self._call is not None else self._early

    def _wait(
        self, call: Call[None], portal: Portal, guard: InterruptGuard | None, *, submit: bool
    ) -> tuple[object, BaseException | None]:
        lookout = StallLookout(self._names, timeout=None, stall_timeout=10.0)
        try:
            with made_on(this_threads_portal(), call, portal):
                if submit:
                    portal.submit(call)
                return wait(call, portal, guard, lookout)
        except BaseException:  # a signal handler's, between our own instructions: nobody will listen
            portal.cancel(call)
            self._ended = True
            stop_listening(call)
            raise

    def _take(self, news: object, interruption: BaseException | None) -> _Item[T] | None:
        """Return the value that has come, or end the conversation as it has ended."""
        __tracebackhide__ = True
        call, portal = self._call, self._portal
        assert call is not None
        assert portal is not None
        interruption = late_interruption(call) or interruption
        if isinstance(news, _Item) and interruption is None:
            return news
        self._ended = True
        self._wind_up(call, portal, interruption, ended=not isinstance(news, _Item))
        return None

    def _wind_up(
        self,
        call: Call[None],
        portal: Portal,
        interruption: BaseException | None,
        *,
        ended: bool = False,
    ) -> None:
        """See the work to its end, however often it hands out a value instead; raise what it came to."""
        __tracebackhide__ = True
        while not ended:
            portal.cancel(call)
            with self._guarded(call) as guard:
                news, another = self._wait(call, portal, guard, submit=False)
            ended = not isinstance(news, _Item)
            interruption = another or interruption
        interruption = stop_listening(call) or interruption
        outcome, call.outcome = call.outcome, None
        if call.cut_off and interruption is None:
            interruption = BridgeClosedError(self._portals.name)
        try:
            if interruption is not None:
                raise interruption
            if outcome is not None:
                outcome.unwrap()
        finally:
            del interruption, outcome, call


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
        item = conversation.begin()
        while item is not None:
            yield item.value
            item = conversation.go_on()
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
        item = conversation.begin()
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
