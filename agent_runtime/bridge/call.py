"""One sync call, from the moment it is made to the moment its outcome is there."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import sys
from collections import deque
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar, runtime_checkable

from agent_runtime.bridge.hostloop import forget_library
from agent_runtime.bridge.parking import Inbox
from agent_runtime.bridge.service import Errand
from agent_runtime.errors import BridgeError, CallAbandonedError
from agent_runtime.outcomes import Outcome, failed, this_task

if TYPE_CHECKING:
    from agent_runtime.bridge.portal import Portal
    from agent_runtime.bridge.thread_sensitive import Place

__all__ = ("ENDED", "TURNED_AWAY", "Call", "current_call", "errand_of")

T = TypeVar("T")

ENDED = "ended"
"""Told to the caller: the outcome is there."""
TURNED_AWAY = "turned away"
"""Told to the caller: the portal closed before it took the call up; go to another."""


@runtime_checkable
class Carrier(Protocol):
    """Whoever runs a call's task: a portal, or the calling thread itself."""

    def end(self, call: Call[Any], /) -> None:
        """Tell the caller that the outcome is there."""


class Call(Generic[T]):
    """An async function on its way to a portal, and its caller's inbox.

    The caller's thread makes it and waits on ``inbox``; everything else happens on the portal's
    loop thread. ``abandoned`` is the one word that the caller says to the other side.

    Attributes:
        inbox: where the caller hears: errands to perform, ENDED, TURNED_AWAY, an interruption.
        made_at: when, in seconds of ``time.monotonic()``.
        made_on: ident of the thread that waits for it.
        outcome: what came of it; set before ENDED is put.
        parent: the call inside which this one was made, or None. One that has ended is passed over for its
            own: contexts outlive calls, and a callback may go on for ever in a copy that names one.
        waited_for_by: its parent; or, for a call made by an errand, the call that waits for the errand.
        task: the task that runs it, from its first step to its last.
        born: its task before its first step, where that is known already: to ask asyncio takes longer.
        caller: the portal on whose thread the call was made, or None for an ordinary thread.
        is_given_up: whether its caller waits for nothing but the cleanup any more.
        is_resumable: whether its caller comes and goes, so that it may be told of the end late.
        cut_off_by: makes the error that says why the portal has ended under it; None if it has not.
        time_left: seconds that the deadline is away whenever the clock starts.
        final: the last news for the caller, once they have been told.
        expired: whether the deadline has cancelled it.
        abandoned: whether the caller has stopped listening: the call has ended, or was given up.
    """

    # What most calls leave as it is stands here: a class attribute costs a call nothing.
    _place: Place | None = None
    _timer: asyncio.TimerHandle | None = None
    abandoned = False
    born: asyncio.Task[None] | None = None
    caller: Portal | None = None
    cut_off_by: Callable[[str], BridgeError] | None = None
    expired = False
    final: object = None
    is_given_up = False
    is_resumable = False
    outcome: Outcome[T] | None = None
    task: asyncio.Task[None] | None = None

    def __init__(
        self,
        async_fn: Callable[..., Coroutine[Any, Any, T]],
        args: tuple[object, ...],
        *,
        context: contextvars.Context,
        timeout: float | None,
        made_at: float,
        made_on: int,
    ) -> None:
        self._async_fn: Any = async_fn
        self._args = args
        self._handled = sys.exception()
        if "asgiref.sync" in sys.modules:
            self._place = _place_of_this_thread()
        self._cancel_requests: deque[None] = deque()
        self._unexpired: list[None] = [] if timeout is None else [None]
        self.context = context
        self.timeout = self.time_left = timeout
        self.made_at = made_at
        self.made_on = made_on
        inside = current_call.get()
        self.parent = inside if inside is None else inside.that_goes_on("parent")
        maker = inside or errand_of.get()
        self.waited_for_by = maker if maker is None else maker.that_goes_on("waited_for_by")
        self.inbox: Any = Inbox()

    def finish(self, news: object) -> None:
        """Tell the caller the last news: ENDED or TURNED_AWAY.

        Noted here, too: an exception of a signal handler, raised by the very instruction that takes
        the news out of the inbox, loses them.
        """
        self.final = news
        self.inbox.put(news)

    @property
    def what(self) -> str:
        """The async function's name, for messages; never raises."""
        fn = self._async_fn
        if isinstance(fn, str):
            return fn
        while isinstance(fn, functools.partial):
            fn = fn.func
        try:
            return str(fn.__qualname__)
        except Exception:  # noqa: BLE001 - somebody's object
            return type(fn).__qualname__

    async def drive(self, portal: Carrier) -> None:
        """Run the async function to its end, on the portal's loop; never raises.

        Nobody can cancel the task before it says here which one it is: a task that is cancelled
        before its first step runs nothing at all, and the caller would never hear of it.
        """
        token, library = current_call.set(self), forget_library()
        take_away: Callable[[], object] | None = None
        try:
            self.task = self.born or this_task()
            self.born = None
            if self._place is not None:
                take_away = self._place.show(self)
            if self.time_left is not None:
                self.start_clock(asyncio.get_running_loop())
            if self._cancel_requests and self.take_cancel():
                outcome: Outcome[T] = Outcome(error=asyncio.CancelledError())
            elif self._handled is None:
                outcome = Outcome(await self._async_fn(*self._args))
            else:
                outcome = await self._drive_while_handling(self._handled)
        except BaseException as error:  # noqa: BLE001 - S2: whatever it is, it belongs to the caller
            outcome = failed(error)
        finally:
            _tidy_up(token, library, take_away)
        self.outcome = outcome
        self.task = None
        # Contexts that live on lead here: in the callbacks of a connection that the work has opened, say.
        try:
            self._async_fn = self._async_fn.__qualname__
        except Exception:  # noqa: BLE001 - somebody's object; a name is for messages only
            self._async_fn = self.what
        self._args = ()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        portal.end(self)

    async def _drive_while_handling(self, handled: BaseException) -> Outcome[T]:
        """Run inside the ``except`` block that the caller stands in, as a plain await would.

        Python links a new exception to the one being handled, at the moment it is raised. Only
        with that state on this thread do ``__context__`` chains come out as in a plain script.
        """
        traceback = handled.__traceback__
        self._handled = None
        try:
            raise handled
        except BaseException:  # noqa: BLE001 - it is the caller's; nothing is done with it
            handled.__traceback__ = traceback
            del handled, traceback
            return Outcome(await self._async_fn(*self._args))

    def start_clock(self, loop: asyncio.AbstractEventLoop) -> None:
        """Count the time from now on, on the loop thread."""
        if self.time_left is not None:
            self._timer = loop.call_later(self.time_left, self.expire)

    def stop_clock(self) -> None:
        """Let time pass that does not count, on the loop thread."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
            self.time_left = timer.when() - asyncio.get_running_loop().time()

    def request_cancel(self) -> None:
        """Ask for one cancellation, from any thread; ``deliver_cancel`` carries it out."""
        self._cancel_requests.append(None)

    @property
    def cancel_is_due(self) -> bool:
        """Whether a cancellation has been asked for and not been delivered yet."""
        return bool(self._cancel_requests)

    def deliver_cancel(self) -> None:
        """Cancel the work, on the loop thread, once for each request; not once it has ended."""
        if self.outcome is None and self.task is not None and self.take_cancel():
            self.task.cancel()

    def take_cancel(self) -> bool:
        """Consume one request: it is being delivered, or a nested call has raised it already."""
        try:
            self._cancel_requests.pop()
        except IndexError:
            return False
        return True

    @property
    def has_ended(self) -> bool:
        """Whether the work has come to its end; true for ever after, whoever has taken the outcome."""
        return isinstance(self._async_fn, str)

    def that_goes_on(self, link: Literal["parent", "waited_for_by"]) -> Call[Any] | None:
        """Return this call, or if it has ended the nearest one above, by a link, that has not."""
        call: Call[Any] | None = self
        while call is not None and call.has_ended:
            call = getattr(call, link)
        return call

    @property
    def has_begun(self) -> bool:
        """Whether the work has had its first step; a cancellation asked for before keeps it from that."""
        return self.task is not None or self.outcome is not None

    @property
    def was_cancelled(self) -> bool:
        """Whether the work ended by a cancellation."""
        return self.outcome is not None and isinstance(self.outcome.error, asyncio.CancelledError)

    def expire(self) -> None:
        """Cancel the work because its time is up, on the loop thread."""
        if self.outcome is None and self.claim_expiry():
            self.expired = True
            self.request_cancel()
            self.deliver_cancel()

    def claim_expiry(self) -> bool:
        """Return, once, that the deadline is still to cancel the work; from any thread.

        The loop's timer and the waiting thread both look at the clock. A second cancellation would
        come up in the cleanup that the first one has begun.
        """
        try:
            self._unexpired.pop()
        except IndexError:
            return False
        return True

    def timeout_error(self) -> TimeoutError:
        """Return the exception that tells of the deadline."""
        return TimeoutError(f"{self.what} was cancelled after {self.timeout:g} s")

    def is_waited_for_on(self, thread_id: int) -> bool:
        """Whether a thread waits for this call, or for one that waits for it."""
        call: Call[Any] | None = self
        while call is not None:
            if call.made_on == thread_id and not call.abandoned:
                return True
            call = call.waited_for_by
        return False

    def descends_from(self, other: Call[Any]) -> bool:
        """Whether this call was made, directly or not, inside ``other``."""
        call: Call[Any] | None = self
        while call is not None and call is not other:
            call = call.parent
        return call is other

    def send(self, errand: Errand[Any]) -> None:
        """Ask the caller to perform an errand; from any thread."""
        self.inbox.put(errand)
        if self.abandoned:  # looked at after the put: of two who race here, at least one sees it
            self.turn_down(errand)

    def turn_down(self, errand: Errand[Any]) -> None:
        """Have an errand performed by a call around this one, or tell whoever sent it that nobody will.

        A task may outlive the call that started it, while the same thread waits in a call around that one.
        """
        outer = self.waited_for_by
        while outer is not None and (outer.abandoned or outer.made_on != self.made_on):
            outer = outer.waited_for_by
        if outer is None:
            errand.report(Outcome(error=CallAbandonedError(errand.what)))
        else:
            outer.send(errand)

    def lose(self, *, forked: bool) -> None:
        """Tell whoever awaits the outcome, or holds a future of it, that it will never come.

        Whoever blocks a thread for it finds that out by looking around; nothing is done here.

        Args:
            forked: whether that is so because this process was forked, and the work is its parent's.
        """


def _place_of_this_thread() -> Place | None:
    """Return what asgiref's code in the work is to find; see ``thread_sensitive``."""
    from agent_runtime.bridge import thread_sensitive

    # A signal handler may call in while this very import goes on below it.
    find = getattr(thread_sensitive, "place_of_this_thread", None)
    return None if find is None else find()


def _tidy_up(
    token: contextvars.Token[Any],
    library: contextvars.Token[Any] | None,
    take_away: Callable[[], object] | None,
) -> None:
    """Leave the context as it was before the work."""
    try:
        current_call.reset(token)
        if library is not None:
            library.var.reset(library)
        if take_away is not None:
            take_away()
    except (ValueError, AttributeError):
        pass  # what a closed loop left behind is ended by the collector, in whatever context


current_call: contextvars.ContextVar[Call[Any] | None] = contextvars.ContextVar(
    "agent_runtime.bridge.current_call", default=None
)
"""The sync call that the running code belongs to; unset inside errands."""

errand_of: contextvars.ContextVar[Call[Any] | None] = contextvars.ContextVar(
    "agent_runtime.bridge.errand_of", default=None
)
"""Inside an errand, the sync call that has sent it and waits for it."""
