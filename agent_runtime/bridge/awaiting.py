"""The way into a bridge's loop for async code of other loops: awaited, so that nothing is blocked.

Imported with the first ``run_async()``: most programs never await one.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from time import monotonic
from typing import Any, NoReturn, Protocol, TypeVar, runtime_checkable

from agent_runtime.bridge.call import ENDED, TURNED_AWAY, Call
from agent_runtime.bridge.caller import Options, no_function
from agent_runtime.bridge.hostloop import running_loop
from agent_runtime.bridge.portals import PortalSet
from agent_runtime.bridge.process import this_threads_portal
from agent_runtime.bridge.service import Errand
from agent_runtime.bridge.suspending import Sleeper, sleeper_of_this_coroutine
from agent_runtime.bridge.threads import CannotStartThreadError, get_ident
from agent_runtime.errors import BridgeClosedError, ForkedCallError, NoCallerError, NoThreadError
from agent_runtime.outcomes import Outcome

__all__ = ("await_on",)

T = TypeVar("T")


async def await_on(
    portals: PortalSet,
    async_fn: Callable[..., Coroutine[Any, Any, T]],
    args: tuple[object, ...],
    options: Options,
) -> T:
    """Await ``async_fn(*args)`` as done on a portal of the set; see :meth:`Bridge.run_async`."""
    __tracebackhide__ = True
    options.check()
    if not callable(async_fn):
        raise no_function(async_fn, "run_async")
    context = contextvars.copy_context() if options.context is None else options.context
    call: _AwaitedCall[T] = _AwaitedCall(
        async_fn, args, context=context, timeout=options.timeout, made_at=monotonic(), made_on=get_ident()
    )
    call.is_resumable = call.abandoned = True
    sleeper = sleeper_of_this_coroutine()
    call.inbox = _Bell(sleeper)
    cancellation: BaseException | None = None
    try:
        while cancellation is None and call.final in (None, TURNED_AWAY):
            call.final = None
            cancellation = await _sleep_until_ended(call, sleeper, _carrier_for(portals, options))
        return _conclude(call, portals, cancellation)
    finally:
        del cancellation, call  # its traceback holds this frame


class _AwaitedCall(Call[T]):
    """A call that a task waits for, and no thread."""

    __slots__ = ()

    def send(self, errand: Errand[Any]) -> None:
        """Have the caller of the sync call around this perform the errand, if there is one."""
        if self.parent is None:
            errand.report(Outcome(error=NoCallerError(errand.what)))
        else:
            self.parent.send(errand)

    def lose(self, *, forked: bool) -> None:
        """Let the task go on, although the work is not known to have ended."""
        if self.final is not ENDED:
            self.outcome = Outcome(error=ForkedCallError(self.what)) if forked else None
            self.cut_off_by = None if forked else BridgeClosedError
            self.finish(ENDED)


class _Bell:
    """What an awaited call has in the place of an inbox: wakes the task."""

    def __init__(self, sleeper: Sleeper) -> None:
        self._sleeper = sleeper

    def put(self, _news: object, /) -> None:
        """Wake the task; the call itself has noted the news."""
        self._sleeper.wake()

    def get(self) -> NoReturn:
        """Never called: this holds nothing back."""
        raise NotImplementedError

    def empty(self) -> bool:
        """Whether nothing waits here to be heard: always."""
        return True


@runtime_checkable
class _Carrier(Protocol):
    """Whoever carries an awaited call out."""

    def submit(self, call: Call[Any]) -> None: ...

    def withdraw(self, call: Call[Any]) -> bool: ...

    def cancel(self, call: Call[Any]) -> None: ...


class _HostLoop:
    """Carries a call out on the loop that its caller runs on, where no thread can be started."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._task: asyncio.Task[None] | None = None

    def submit(self, call: Call[Any]) -> None:
        self._task = self._loop.create_task(call.drive(self), context=call.context)

    def withdraw(self, _call: Call[Any]) -> bool:
        return False

    def cancel(self, call: Call[Any]) -> None:
        call.request_cancel()
        call.deliver_cancel()

    def end(self, call: Call[Any], /) -> None:
        call.finish(ENDED)


def _carrier_for(portals: PortalSet, options: Options) -> _Carrier:
    try:
        return portals.for_thread(this_threads_portal(), blocks=False)
    except CannotStartThreadError:
        loop = running_loop()
        if loop is None:  # trio, which cannot run what is written for asyncio
            raise NoThreadError("run_async", options.names[1]) from None
        return _HostLoop(loop)


async def _sleep_until_ended(call: Call[Any], sleeper: Sleeper, carrier: _Carrier) -> BaseException | None:
    """Submit the call and sleep until the last news of it; cancel it once if the task is cancelled.

    Returns:
        What cancelled the task, to be raised when the work has cleaned up.
    """
    cancellation: BaseException | None = None
    try:
        carrier.submit(call)
        while True:
            sleeper.reset()
            if call.final is not None:  # whoever wakes notes the news first
                return cancellation
            try:
                await (sleeper.sleep(None) if cancellation is None else sleeper.sleep_on())
            except GeneratorExit:  # nobody drives this coroutine any more
                carrier.cancel(call)
                raise
            except BaseException as error:  # noqa: BLE001 - a cancellation: kept, raised at the end
                if cancellation is None:
                    cancellation = error
                    if carrier.withdraw(call):
                        return cancellation
                    carrier.cancel(call)
    finally:
        del cancellation


def _conclude(call: Call[T], portals: PortalSet, cancellation: BaseException | None) -> T:
    """Return or raise what the call came to; a task that was cancelled raises what it was cancelled by."""
    __tracebackhide__ = True
    outcome, call.outcome = call.outcome, None
    error = None if outcome is None else outcome.error
    try:
        if cancellation is not None and (outcome is None or isinstance(error, asyncio.CancelledError)):
            raise cancellation
        if call.expired:
            raise call.timeout_error() from (None if type(error) is asyncio.CancelledError else error)
        if outcome is None or call.cut_off_by is not None:
            raise (call.cut_off_by or BridgeClosedError)(portals.name)
        error = None
        return outcome.unwrap()
    finally:
        del error, outcome, cancellation, call
