"""A call that hands out several values before it ends, each when its caller comes for it."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import sys
from collections.abc import Callable, Coroutine, Iterator
from time import monotonic
from typing import Any, Generic, TypeVar

from agent_runtime.bridge.call import TURNED_AWAY, Call
from agent_runtime.bridge.caller import Options, WarningOfABlockedLoop, late_portal, standing_on
from agent_runtime.bridge.direct import CallingThread
from agent_runtime.bridge.hiding import call_hidden
from agent_runtime.bridge.hostloop import loop_would_block, running_loop
from agent_runtime.bridge.interrupts import InterruptGuard
from agent_runtime.bridge.portal import Portal
from agent_runtime.bridge.portals import PortalSet
from agent_runtime.bridge.process import (
    open_streams,
    parked_loop,
    this_threads_portal,
)
from agent_runtime.bridge.suspending import TaskInbox, sleeper_of_this_task
from agent_runtime.bridge.threads import CannotStartThreadError, get_ident, start_thread
from agent_runtime.bridge.waiting import guarding, late_interruption, stop_listening, wait
from agent_runtime.bridge.whereabouts import describe_work
from agent_runtime.errors import (
    BridgeClosedError,
    CircularWaitError,
    ForkedCallError,
    LoopThreadDiedError,
    NoThreadError,
)
from agent_runtime.outcomes import Outcome

__all__ = ("Conversation", "Item")

T = TypeVar("T")


class Item(Generic[T]):
    """Told to the caller: one value, and the work goes on when asked to."""

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value


class Conversation(Generic[T]):
    """One task that works on the next value only while its caller waits for that.

    ``hand_out`` is for the work, on its loop; everything else is for the caller, and blocks its thread.

    Args:
        portals: whose loop thread does the work.
        work: the async function; it is given this conversation, for :meth:`hand_out`.
        options: how to call; ``timeout`` counts the time that the caller waits, and no other.
    """

    def __init__(
        self,
        portals: PortalSet,
        work: Callable[[Conversation[T]], Coroutine[Any, Any, None]],
        options: Options,
    ) -> None:
        self._portals = portals
        self._work = work
        self._options = options
        self._context = contextvars.copy_context() if options.context is None else options.context
        self._call: Call[None] | None = None
        self._portal: Portal | None = None
        self._direct: CallingThread | None = None
        self._late: Portal | None = None
        self._asked: asyncio.Future[Outcome[object] | None] | None = None
        self._ended = False
        self._read_on = 0

    async def hand_out(self, value: T) -> Outcome[object] | None:
        """Give the caller a value, wait until it comes back; return what it comes back with, if anything."""
        assert self._call is not None
        self._asked = asyncio.get_running_loop().create_future()
        self._call.stop_clock()
        self._call.inbox.put(Item(value))
        del value
        return await self._asked

    def begin(self) -> Item[T] | None:
        """Start the work and wait until it hands out a value or ends; see :meth:`go_on`."""
        __tracebackhide__ = True
        self._check_loop()
        self._read_on = get_ident()
        started = monotonic()
        with WarningOfABlockedLoop(self._options, started):
            while True:
                call: Call[None] = Call(
                    self._work,
                    (self,),
                    context=self._context,
                    timeout=self._options.timeout,
                    made_at=started,
                    made_on=get_ident(),
                )
                call.is_resumable = True
                with guarding(call) as guard:
                    self._choose_way(call)
                    news, interruption = self._wait(call, guard, self._submit)
                if news is not TURNED_AWAY or interruption is not None:
                    return self._take(call, news, interruption)
                self._call = None
                interruption = stop_listening(call)
                if interruption is not None:
                    raise interruption

    def go_on(self, reply: Outcome[object] | None = None) -> Item[T] | None:
        """Let the work go on until it hands out a value or ends.

        Returns:
            The value, wrapped; None when the work has ended.

        Raises:
            BridgeClosedError: the bridge has been closed meanwhile.
            CallerLoopError: a loop runs in this thread, and the options refuse that.
            CircularWaitError: this thread's code is what the work's own thread waits for.
            ForkedCallError: this process is a child, and the work is its parent's.
            NoThreadError: a loop runs in this thread, where the work would have to run.
            BaseException: whatever the work raised, the object itself; or a signal handler.
        """
        __tracebackhide__ = True
        call = self._call
        if call is None:
            return None  # it was left open until the process ended
        self._check_loop()
        self._check_reach(call)
        self._read_on = get_ident()
        started = call.made_at = monotonic()
        with WarningOfABlockedLoop(self._options, started):
            with guarding(call) as guard:
                news, interruption = self._wait(
                    call, guard, lambda call: self._call_soon(call, self._answer, reply)
                )
            return self._take(call, news, interruption)

    def cancel(self) -> None:
        """Cancel the work where it stands and wait until it has cleaned up; once is enough.

        On a thread that the work's own thread waits for, the work is only told. A signal handler may raise
        before the work has been cancelled: then, and only then, a second time does something.
        """
        __tracebackhide__ = True
        try:
            self._cancel()
        except (AttributeError, TypeError) as error:
            if not self._comes_of_the_end(error):
                raise

    def _cancel(self) -> None:
        __tracebackhide__ = True
        call = self._call
        if call is None or self._ended:
            return
        # The exit hook has cancelled the work of every portal, and no thread but this one runs any more.
        if self._portal is not None and (self._finalizing() or self._portal.is_of_another_process):
            return
        if self._waits_for_us():
            assert self._portal is not None
            self._portal.cancel(call)
            self._ended = True
            stop_listening(call)
            return
        if self._blocks_a_strangers_loop():
            self._leave_to_a_thread(call)
        else:
            self._see_out(call)

    def _blocks_a_strangers_loop(self) -> bool:
        """Whether a loop runs on this thread, which has not read what came last: it would stand still.

        The collector closes what a server has dropped wherever it happens to run, on the loop's thread say.
        """
        return self._read_on != get_ident() and loop_would_block()

    def _leave_to_a_thread(self, call: Call[None]) -> None:
        """Cancel the work now, and have a fresh thread wait for its cleanup, and do what that sends here."""
        self._ended = True
        wait_there = functools.partial(self._see_out_alone, call)
        try:
            start_thread(wait_there, name=f"agent_runtime end of {call.what}")
        except CannotStartThreadError:
            self._request_cancel(call)
            stop_listening(call)

    def _see_out_alone(self, call: Call[None]) -> None:
        """Do so on a thread of its own; Python reports what that raises as of any dropped stream."""

        def seeing_out() -> Iterator[None]:
            try:
                yield
            finally:
                self._see_out(call)

        next(seeing_out())

    def _see_out(self, call: Call[None]) -> None:
        __tracebackhide__ = True
        pressed = _ctrl_c_that_leads_here(sys.exception())
        with contextlib.suppress(asyncio.CancelledError, BridgeClosedError, LoopThreadDiedError):
            if self._direct is None:
                self._wind_up(call, pressed, ended=call.final is not None)
            else:
                call_hidden(None, self._wind_up, call, pressed)

    def end_with_the_process(self) -> None:
        """Cancel work that this very thread does, at the end of the process; other threads' is left alone."""
        if self._call is not None and self._call.made_on == get_ident():
            self.cancel()

    def _comes_of_the_end(self, error: BaseException) -> bool:
        """Whether a module had lost its globals: they are set to None before the last objects are freed.

        A stream can be one of those, if a module of the standard library holds it, say.
        """
        traceback = error.__traceback__
        while traceback is not None and traceback.tb_next is not None:
            traceback = traceback.tb_next
        name = None if traceback is None else traceback.tb_frame.f_globals.get("__name__")
        return name is None or (self._finalizing() and name.startswith("agent_runtime."))

    _finalizing = staticmethod(sys.is_finalizing)
    """Whether the interpreter is being taken down; found also when this module has no globals any more."""

    def _check_loop(self) -> None:
        self._options.check_loop()
        if self._direct is not None and running_loop() is not None:
            raise NoThreadError(*self._options.names)

    def _check_reach(self, call: Call[None]) -> None:
        """Raise for work that this thread cannot wait for."""
        if self._portal is None:
            return
        if self._portal.is_of_another_process:
            self._ended = True
            raise ForkedCallError(call.what)
        if self._waits_for_us():
            raise CircularWaitError(
                self._options.names[0],
                "for this code, which runs on its loop thread or is waited for there",
                "iterate with `async for` there, or make the iterator where it is used",
                describe_work(call, self._portal),
            )

    def _waits_for_us(self) -> bool:
        own = this_threads_portal()
        if own is None or (self._portal is own and sleeper_of_this_task() is not None):
            return False
        return self._portal in own.waiters()

    def _choose_way(self, call: Call[None]) -> None:
        """Find the portal that does the work, or decide to do it on this thread."""
        self._portal = None
        if self._options.strategy == "portal":
            blocks = sleeper_of_this_task() is None
            with contextlib.suppress(CannotStartThreadError):
                self._portal = self._portals.for_thread(this_threads_portal(), blocks=blocks)
                return
        if running_loop() is not None:
            self._portal = self._late = late_portal(self._portals, self._options)
            return
        self._direct = CallingThread(call, parked_loop(self._portals))
        open_streams.add(self)

    def _wait(
        self,
        call: Call[None],
        guard: InterruptGuard | None,
        start: Callable[[Call[None]], object],
        interruption: BaseException | None = None,
    ) -> tuple[object, BaseException | None]:
        """Have the work go on by ``start``, and wait for news of it; after an interruption, for its end."""
        if self._direct is not None:
            start(call)
            return self._direct.run(guard, interruption)
        portal = self._portal
        assert portal is not None
        try:
            with _waiting(call, portal):
                if interruption is None:
                    start(call)
                else:  # the wait cancels, and takes one more for the second
                    self._ended = True
                return wait(call, portal, guard, self._options, interruption=interruption)
        except BaseException:  # a signal handler's, between our own instructions: nobody will listen
            portal.cancel(call)
            self._ended = True
            stop_listening(call)
            raise

    def _submit(self, call: Call[None]) -> None:
        self._call = call  # not before: cancel() waits for the end of what has been submitted
        if self._portal is not None:
            self._portal.submit(call)

    def _call_soon(self, call: Call[None], callback: Callable[..., object], *args: object) -> None:
        if call.outcome is not None:
            return
        if self._direct is not None:
            self._direct.call_soon(callback, *args)
        elif self._portal is not None:
            self._portal.call_soon(callback, *args)

    def _answer(self, reply: Outcome[object] | None) -> None:
        call = self._call
        if call is not None and self._asked is not None and not self._asked.done():
            call.start_clock(self._asked.get_loop())
            self._asked.set_result(reply)

    def _take(self, call: Call[None], news: object, interruption: BaseException | None) -> Item[T] | None:
        """Return the value that has come, or end the conversation as it has ended."""
        __tracebackhide__ = True
        interruption = late_interruption(call) or interruption
        if isinstance(news, Item) and interruption is None:
            return news
        self._wind_up(call, interruption, ended=not isinstance(news, Item))
        return None

    def _wind_up(self, call: Call[None], interruption: BaseException | None, *, ended: bool = False) -> None:
        """See the work to its end, however often it hands out a value instead; raise what it came to."""
        __tracebackhide__ = True
        while not ended:
            with guarding(call) as guard:
                news, another = self._wait(call, guard, self._request_cancel, interruption)
            ended = not isinstance(news, Item)
            interruption = another or interruption
        self._ended = True
        interruption = stop_listening(call) or interruption
        if self._direct is not None:
            self._direct.close()
        if self._late is not None:
            self._late.close()
        outcome, call.outcome = call.outcome, None
        self._call = None  # its argument is this conversation
        if interruption is None and call.cut_off_by is not None:
            interruption = call.cut_off_by(self._portals.name)
        if interruption is None and call.expired:
            interruption = call.timeout_error()
        try:
            if interruption is not None:
                raise interruption
            if outcome is not None:
                outcome.unwrap()
        finally:
            del interruption, outcome, call

    def _request_cancel(self, call: Call[None]) -> None:
        if self._direct is not None:
            call.request_cancel()
            self._direct.call_soon(call.deliver_cancel)
        elif self._portal is not None:
            self._portal.cancel(call)
        self._ended = True


def _ctrl_c_that_leads_here(error: BaseException | None) -> KeyboardInterrupt | None:
    """Return what ends the block that closes a stream, if that is Ctrl-C: the next one is the second."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    return error


@contextlib.contextmanager
def _waiting(call: Call[None], portal: Portal) -> Iterator[None]:
    """Wait for the call in the block: asleep in the calling task if possible, or blocking the thread."""
    sleeper, own = sleeper_of_this_task(), this_threads_portal()
    if sleeper is not None:
        plain = call.inbox
        call.inbox = TaskInbox(plain, sleeper)
        call.caller = None if own is portal else own
        try:
            yield
        finally:
            call.inbox = plain
    elif own is not None:
        with standing_on(own, call, portal):
            yield
    else:
        yield
