"""What goes wrong with a sync call, whatever it was to do; warnings of the bridge too."""

from __future__ import annotations

from agent_runtime.errors.base import AgentRuntimeError

__all__ = (
    "BlockedLoopWarning",
    "BridgeClosedError",
    "BridgeError",
    "CallAbandonedError",
    "CallerLoopError",
    "CircularWaitError",
    "ContextInUseError",
    "ForkedCallError",
    "LoopThreadDiedError",
    "NoCallerError",
    "NoThreadError",
    "StalledCallWarning",
    "written",
)


class BridgeError(AgentRuntimeError):
    """A sync call cannot be carried out in the situation it was made in."""


class _EntryPointError(BridgeError):
    """What several errors have in common: the names of an entry point and of its async variant."""

    def __init__(self, entry_point: str, async_variant: str) -> None:
        super().__init__(entry_point, async_variant)
        self.entry_point = entry_point
        self.async_variant = async_variant


class _FunctionError(BridgeError):
    """What several errors have in common: the name of a function."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


def written(async_variant: str) -> str:
    """Return what to write in async code: an ``await`` of the variant, or the statement that it is."""
    return f"`{async_variant}`" if async_variant.startswith("async ") else f"`await {async_variant}(...)`"


class CallerLoopError(_EntryPointError):
    """A sync entry point was called where an event loop runs, and the setting refuses that.

    Waiting there would block the loop of the calling thread.

    Attributes:
        entry_point: name of the sync function that was called.
        async_variant: name of the function to await instead, or ``async for`` or ``async with``; under trio,
            the one that makes a call in a thread.
    """

    def __str__(self) -> str:
        return (
            f"{self.entry_point}() was called where an event loop runs, and on_running_loop='raise'"
            f" forbids blocking it; write {written(self.async_variant)} there instead"
        )


class BlockedLoopWarning(RuntimeWarning):
    """A sync call kept the event loop of its own thread standing still for long.

    Attributes:
        entry_point: name of the sync function that was called.
        async_variant: name of the function to await instead, or ``async for`` or ``async with``; under trio,
            the one that makes a call in a thread.
        seconds: how long the loop stood still.
        site: file and line of the call.
    """

    def __init__(self, entry_point: str, async_variant: str, seconds: float, site: str) -> None:
        super().__init__(entry_point, async_variant, seconds, site)
        self.entry_point = entry_point
        self.async_variant = async_variant
        self.seconds = seconds
        self.site = site

    def __str__(self) -> str:
        return (
            f"{self.entry_point}() blocked the running event loop for {self.seconds:.1f} s at {self.site};"
            f" write {written(self.async_variant)} there, or pass on_running_loop='allow'"
        )


class BridgeClosedError(BridgeError):
    """A call was made on a bridge that has been closed, or was cut off by its closing.

    Attributes:
        bridge: name of the bridge.
    """

    def __init__(self, bridge: str) -> None:
        super().__init__(bridge)
        self.bridge = bridge

    def __str__(self) -> str:
        return f"the bridge '{self.bridge}' is closed; make a new one, or call before close()"


class StalledCallWarning(RuntimeWarning):
    """A sync call has kept the event loop of its own thread standing still, and goes on doing so.

    Attributes:
        entry_point: name of the sync function that was called.
        async_variant: name of the function to await instead, or ``async for`` or ``async with``; under trio,
            the one that makes a call in a thread.
        seconds: how long the loop has been standing still.
        site: file and line of the call.
        work: where the work stands.
        waiting: what waits for the loop.
    """

    def __init__(
        self, entry_point: str, async_variant: str, seconds: float, site: str, work: str, waiting: str
    ) -> None:
        super().__init__(entry_point, async_variant, seconds, site, work, waiting)
        self.entry_point = entry_point
        self.async_variant = async_variant
        self.seconds = seconds
        self.site = site
        self.work = work
        self.waiting = waiting

    def __str__(self) -> str:
        return (
            f"{self.entry_point}() has blocked the running event loop for {self.seconds:.1f} s at {self.site}"
            f" and still waits; if the work needs that loop, it will never end\n"
            f"  the work: {self.work}\n"
            f"  the loop: {self.waiting}\n"
            f"  write {written(self.async_variant)} there instead"
        )


class CallAbandonedError(_FunctionError):
    """Work asked for the calling thread, but the caller has stopped waiting.

    Attributes:
        what: the function that was to run on the calling thread.
    """

    def __str__(self) -> str:
        return (
            f"{self.what} was to run on the thread of a sync call, and that call has already ended;"
            " await it before the call returns, or run it on a worker thread"
        )


class CircularWaitError(BridgeError):
    """The work of a sync call waits for something that only its own, waiting caller could do.

    Attributes:
        entry_point: name of the sync function that was called.
        reason: what the work waits for.
        remedy: what to write instead.
        work: where the work stands.
    """

    def __init__(self, entry_point: str, reason: str, remedy: str, work: str) -> None:
        super().__init__(entry_point, reason, remedy, work)
        self.entry_point = entry_point
        self.reason = reason
        self.remedy = remedy
        self.work = work

    def __str__(self) -> str:
        return (
            f"{self.entry_point}() would never return: its work waits {self.reason}, and this thread waits"
            f" for the work; {self.remedy}\n  the work: {self.work}"
        )


class ContextInUseError(BridgeError):
    """The context given with ``context=`` is entered already, so no other thread can run in it."""

    def __str__(self) -> str:
        return (
            "the context given with context= is entered already, most likely by the caller itself;"
            " pass contextvars.copy_context() and read the changes from that copy afterwards"
        )


class ForkedCallError(_FunctionError):
    """A child process went on inside a sync call that its parent had made before the fork.

    Attributes:
        what: the async function whose outcome the call was waiting for.
    """

    def __str__(self) -> str:
        return (
            f"this process was forked while its parent waited for {self.what}, and only the parent can get"
            " that outcome; end the child with os._exit(), or make a new call in it"
        )


class LoopThreadDiedError(BridgeError):
    """The loop thread has come to an end under a call, because its event loop failed.

    What ended it is the ``__cause__``. The next call starts another thread.

    Attributes:
        bridge: name of the bridge.
        reason: class of what ended the thread.
    """

    def __init__(self, bridge: str, reason: str) -> None:
        super().__init__(bridge, reason)
        self.bridge = bridge
        self.reason = reason

    @classmethod
    def of(cls, cause: BaseException, bridge: str) -> LoopThreadDiedError:
        """Return the error that this cause has brought about."""
        error = cls(bridge, type(cause).__name__)
        error.__cause__ = cause
        return error

    def __str__(self) -> str:
        return (
            f"the loop thread of the bridge '{self.bridge}' has died of {self.reason}, and the work of this"
            " call with it; the next call starts another one"
        )


class NoCallerError(_FunctionError):
    """Async code asked for the calling thread, but it does not run inside a sync call.

    Attributes:
        what: the function that was to run on the calling thread.
    """

    def __str__(self) -> str:
        return (
            f"{self.what} was to run on the thread of a sync call, but this code does not run inside one;"
            " use call_in_worker() or a WorkerLane here"
        )


class NoThreadError(_EntryPointError):
    """No thread can be started here, and an event loop already runs on the calling thread.

    Attributes:
        entry_point: name of the sync function that was called.
        async_variant: name of the function to await instead, or ``async for`` or ``async with``.
    """

    def __str__(self) -> str:
        return (
            f"{self.entry_point}() needs a thread, none can be started here, and the event loop that runs"
            f" on this thread cannot be entered twice; write {written(self.async_variant)} instead"
        )
