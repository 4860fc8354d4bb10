"""Every error that agent_runtime raises of its own, as one tree.

A step's own exception is never wrapped: what the step raised is what comes out of the entry point.

::

    AgentRuntimeError
    ├── BridgeError               can I not call this here?
    │   ├── CallerLoopError       an event loop runs in this thread and the setting refuses to block it
    │   ├── CallAbandonedError    the caller that this work needs has stopped waiting
    │   ├── ContextInUseError     the context given with context= is entered elsewhere
    │   ├── NoCallerError         this code does not run inside a sync call
    │   └── NoThreadError         no thread can start here, and the calling thread's loop is taken
"""

from __future__ import annotations

__all__ = (
    "AgentRuntimeError",
    "BridgeError",
    "CallAbandonedError",
    "CallerLoopError",
    "ContextInUseError",
    "NoCallerError",
    "NoThreadError",
)


class AgentRuntimeError(Exception):
    """Base of every error that this package raises of its own."""


class BridgeError(AgentRuntimeError):
    """A sync call cannot be carried out in the situation it was made in."""


class CallerLoopError(BridgeError):
    """A sync entry point was called where an event loop runs, and the setting refuses that.

    Waiting there would block the loop of the calling thread.

    Attributes:
        entry_point: name of the sync function that was called.
        async_variant: name of the function to await instead.
    """

    def __init__(self, entry_point: str, async_variant: str) -> None:
        super().__init__(entry_point, async_variant)
        self.entry_point = entry_point
        self.async_variant = async_variant

    def __str__(self) -> str:
        return (
            f"{self.entry_point}() was called where an event loop runs, and on_running_loop='raise'"
            f" forbids blocking it; write `await {self.async_variant}(...)` there instead"
        )


class CallAbandonedError(BridgeError):
    """Work asked for the calling thread, but the caller has stopped waiting.

    Attributes:
        what: the function that was to run on the calling thread.
    """

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what

    def __str__(self) -> str:
        return (
            f"{self.what} was to run on the thread of a sync call, and that call has already ended;"
            " await it before the call returns, or run it on a worker thread"
        )


class ContextInUseError(BridgeError):
    """The context given with ``context=`` is entered already, so no other thread can run in it."""

    def __str__(self) -> str:
        return (
            "the context given with context= is entered already, most likely by the caller itself;"
            " pass contextvars.copy_context() and read the changes from that copy afterwards"
        )


class NoCallerError(BridgeError):
    """Async code asked for the calling thread, but it does not run inside a sync call.

    Attributes:
        what: the function that was to run on the calling thread.
    """

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what

    def __str__(self) -> str:
        return (
            f"{self.what} was to run on the thread of a sync call, but this code does not run inside one;"
            " use call_in_worker() or a WorkerLane here"
        )


class NoThreadError(BridgeError):
    """No thread can be started here, and an event loop already runs on the calling thread.

    Attributes:
        entry_point: name of the sync function that was called.
        async_variant: name of the function to await instead.
    """

    def __init__(self, entry_point: str, async_variant: str) -> None:
        super().__init__(entry_point, async_variant)
        self.entry_point = entry_point
        self.async_variant = async_variant

    def __str__(self) -> str:
        return (
            f"{self.entry_point}() needs a thread, none can be started here, and the event loop that runs"
            f" on this thread cannot be entered twice; write `await {self.async_variant}(...)` instead"
        )
