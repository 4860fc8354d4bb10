"""Work that is begun now and whose outcome is taken later, as a future of ``concurrent.futures``.

Imported with the first ``submit()``: most programs never make one.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import contextvars
import threading
from collections.abc import Callable, Coroutine
from time import monotonic
from types import FunctionType
from typing import Any, NoReturn, TypeVar

from agent_runtime.bridge.call import ENDED, TURNED_AWAY, Call
from agent_runtime.bridge.caller import Options, no_function, standing_on
from agent_runtime.bridge.direct import run_directly
from agent_runtime.bridge.hostloop import running_loop
from agent_runtime.bridge.interrupts import InterruptGuard
from agent_runtime.bridge.portal import Portal
from agent_runtime.bridge.portals import PortalSet
from agent_runtime.bridge.process import in_main_thread, parked_loop, this_threads_portal
from agent_runtime.bridge.service import Errand
from agent_runtime.bridge.threads import (
    CannotStartThreadError,
    allocate_lock,
    get_ident,
    make_rlock,
    patcher,
)
from agent_runtime.bridge.whereabouts import describe_work
from agent_runtime.errors import (
    BridgeClosedError,
    CircularWaitError,
    ForkedCallError,
    NoCallerError,
    NoThreadError,
)
from agent_runtime.outcomes import Outcome, traceback_of

__all__ = ("submit_to",)

T = TypeVar("T")


def submit_to(
    portals: PortalSet,
    async_fn: Callable[..., Coroutine[Any, Any, T]],
    args: tuple[object, ...],
    options: Options,
) -> concurrent.futures.Future[T]:
    """Begin ``async_fn(*args)`` on a portal of the set; see :meth:`Bridge.submit`."""
    options.check()
    if not callable(async_fn):
        raise no_function(async_fn, "submit")
    context = contextvars.copy_context() if options.context is None else options.context
    call: _SubmittedCall[T] = _SubmittedCall(
        async_fn, args, context=context, timeout=options.timeout, made_at=monotonic(), made_on=get_ident()
    )
    future: _WorkFuture[T] = _WorkFuture(call)
    call.inbox = _Courier(future, portals)
    can_start = True
    try:
        call.inbox.dispatch(call, this_threads_portal())
    except CannotStartThreadError:  # left before the work is done: it would hang on whatever that raises
        can_start = False
    except BaseException:  # a signal handler's, after the work was handed over: nobody will hold the future
        future.cancel()
        raise
    if not can_start:
        _carry_out_here(portals, call, options)
    return future


class _SubmittedCall(Call[T]):
    """A call that no thread waits for.

    So nothing links it to the call that it was submitted in: that one can end first, and be cancelled
    without it.
    """

    __slots__ = ()

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
        super().__init__(async_fn, args, context=context, timeout=timeout, made_at=made_at, made_on=made_on)
        self._handled = None
        self.parent = self.waited_for_by = None
        self.is_resumable = self.abandoned = True

    def send(self, errand: Errand[Any]) -> None:
        """Tell whoever sent the errand that there is no calling thread."""
        errand.report(Outcome(error=NoCallerError(errand.what)))

    def lose(self, *, forked: bool) -> None:
        """Settle the future although the work is not known to have ended."""
        self.inbox.lose(self, forked=forked)


class _Courier:
    """What a submitted call has in the place of an inbox: brings its outcome to the future.

    Forgets the future then: the traceback of an exception may lead to the call, and so to this.
    """

    def __init__(self, future: _WorkFuture[Any], portals: PortalSet) -> None:
        self._holding = [future]  # to take it out is one step, whichever thread does
        self._portals = portals

    def dispatch(self, call: Call[Any], own: Portal | None) -> None:
        """Hand the call to the portal that serves this thread, whose own portal is ``own``.

        Raises:
            BridgeClosedError: the bridge has been closed.
            CannotStartThreadError: no thread can be started here, or the process is ending.
        """
        for future in self._holding:
            call.final = None
            future.portal = portal = self._portals.for_thread(own, blocks=False)
            portal.submit(call)

    def put(self, news: object, /) -> None:
        """Take the last news of the call; on whichever thread they come up."""
        calls = [future.call for future in tuple(self._holding)]
        for call in calls:
            if call is not None and news is ENDED:
                self._settle(call)
            elif call is not None and news is TURNED_AWAY:
                self._go_elsewhere(call)

    def get(self) -> NoReturn:
        """Never called: this holds nothing back."""
        raise NotImplementedError

    def empty(self) -> bool:
        """Whether nothing waits here to be heard: always."""
        return True

    def lose(self, call: Call[Any], *, forked: bool) -> None:
        """Settle the future of work that this process will hear nothing of any more."""
        if forked:
            for future in self._holding:
                future.belong_to_child()
        self._settle(call, ForkedCallError(call.what) if forked else BridgeClosedError(self._portals.name))

    def _go_elsewhere(self, call: Call[Any]) -> None:
        """Hand the call to another portal than the one that has turned it away as it closed."""
        try:
            self.dispatch(call, None)
        except CannotStartThreadError:  # the process ends, and the work has not begun
            self._settle(call, BridgeClosedError(self._portals.name))
        except Exception as error:  # noqa: BLE001 - the bridge is closed, say: whoever holds it has to know
            self._settle(call, error)

    def _settle(self, call: Call[Any], error: BaseException | None = None) -> None:
        try:
            future = self._holding.pop()
        except IndexError:
            return
        outcome, call.outcome = call.outcome, None
        if error is None:
            error = self._error_of(call, outcome)
        if error is None:
            assert outcome is not None
            future.settle_with(outcome.value)
        elif isinstance(error, asyncio.CancelledError):
            future.settle_cancelled()
        else:
            future.settle_with_error(error)
        del error

    def _error_of(self, call: Call[Any], outcome: Outcome[Any] | None) -> BaseException | None:
        error = None if outcome is None else outcome.take_error()
        try:
            if call.expired:
                late = call.timeout_error()
                late.__cause__ = None if type(error) is asyncio.CancelledError else error
                return late
            if call.cut_off_by is not None or outcome is None:
                return (call.cut_off_by or BridgeClosedError)(self._portals.name)
            return error
        finally:
            del error


def _condition_of_threads() -> threading.Condition:
    """Return a condition that blocks the thread, where gevent or eventlet has replaced locks.

    Theirs makes a greenlet wait for a hub that nobody runs, for a word from a thread that has none.
    """
    code = threading.Condition.wait.__code__
    wait = FunctionType(code, {**vars(threading), "_allocate_lock": allocate_lock}, argdefs=(None,))
    condition: threading.Condition = type("Condition", (threading.Condition,), {"wait": wait})(make_rlock())
    return condition


class _WorkFuture(concurrent.futures.Future[T]):
    """The future of a submitted call.

    Differs from that of an executor where the work is async: it can be cancelled at any time, and is
    done when the work has cleaned up.

    Attributes:
        call: the call, until it is done.
        portal: where the call was submitted last.
    """

    def __init__(self, call: Call[T]) -> None:
        super().__init__()
        if patcher() is not None:
            self._condition = _condition_of_threads()
        self.call: Call[T] | None = call
        self.portal: Portal | None = None
        self._uncancelled = [None]
        self._traceback: Any = None

    def cancel(self) -> bool:
        """Cancel the work, once; return False if it has ended otherwise already.

        Does not wait: the future is done, and ``cancelled()`` if the work lets itself be cancelled, when
        the cleanup has ended.
        """
        call, portal = self.call, self.portal
        if self.done() or call is None:
            return self.cancelled()
        try:
            self._uncancelled.pop()
        except IndexError:
            return True
        if portal is not None and portal.withdraw(call):
            call.outcome = Outcome(error=asyncio.CancelledError())
            call.finish(ENDED)
        elif portal is not None:
            portal.cancel(call)
        return True

    def running(self) -> bool:
        """Whether the work goes on, its cleanup included."""
        return not self.done()

    def result(self, timeout: float | None = None) -> T:
        """Return what the work returned, or raise the very object that it raised; blocks until then.

        Raises:
            CancelledError: the work has been cancelled (that of ``concurrent.futures``).
            CircularWaitError: this thread is the one that has to do the work, or is waited for there.
            TimeoutError: it has not ended in ``timeout`` seconds.
            BaseException: whatever the work raised.
        """
        __tracebackhide__ = True
        try:
            error = self.exception(timeout)
            if error is None:
                return super().result()
            BaseException.with_traceback(error, self._traceback)  # each time from the work's own frames on
            failure: Outcome[T] = Outcome(error=error)
            del error
            return failure.unwrap()
        finally:
            del self  # it holds the exception, whose traceback holds this frame

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Return the very object that the work raised, or None; blocks until the work has ended.

        Raises:
            CancelledError: the work has been cancelled (that of ``concurrent.futures``).
            CircularWaitError: this thread is the one that has to do the work, or is waited for there.
            TimeoutError: it has not ended in ``timeout`` seconds.
        """
        __tracebackhide__ = True
        own = this_threads_portal()
        call, portal = self.call, self.portal
        if own is None or call is None or portal is None:
            return super().exception(timeout)
        if portal in own.waiters():
            if timeout is not None and timeout <= 0:
                return super().exception(timeout)
            raise CircularWaitError(
                "Future.result",
                "for the event loop of this thread, or for one that waits for it",
                "write `await asyncio.wrap_future(future)` there",
                describe_work(call, portal),
            )
        with standing_on(own, call, portal):
            return super().exception(timeout)

    def settle_with(self, value: T) -> None:
        """Be done, with a value."""
        self._forget_work()
        self.set_result(value)

    def settle_with_error(self, error: BaseException) -> None:
        """Be done, with an exception."""
        self._forget_work()
        self._traceback = traceback_of(error)
        self.set_exception(error)
        del error

    def settle_cancelled(self) -> None:
        """Be done, and cancelled."""
        self._forget_work()
        super().cancel()
        self.set_running_or_notify_cancel()  # tells concurrent.futures.wait()

    def belong_to_child(self) -> None:
        """Be prepared to be settled in a forked child, where this thread is the only one.

        Another thread may have held the lock at the fork. The callbacks are those of the parent process,
        and would speak to its loops.
        """
        future: Any = self
        if future._condition.acquire(blocking=False):  # noqa: SLF001 - its own
            future._condition.release()  # noqa: SLF001
        else:
            future._condition = threading.Condition()  # noqa: SLF001
        future._done_callbacks = []  # noqa: SLF001

    def _forget_work(self) -> None:
        self.call = self.portal = None


def _carry_out_here(portals: PortalSet, call: _SubmittedCall[Any], options: Options) -> None:
    """Do the work on this thread, to its end, because no other can be started."""
    if running_loop() is not None:
        raise NoThreadError("submit", options.names[1]) from None
    courier = call.inbox
    call.abandoned = False  # for the length of this, a thread does wait
    guard = InterruptGuard(call) if in_main_thread() else None
    with contextlib.ExitStack() as stack:
        if guard is not None:
            stack.callback(guard.give_back)
            guard.take_over()
        interruption = run_directly(call, guard, parked_loop(portals))
    call.abandoned, call.inbox = True, courier
    if interruption is not None:
        raise interruption
    courier.put(ENDED)
