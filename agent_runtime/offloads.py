"""Where the plain functions of a run go: the two ways off the loop that the engine is given."""

from __future__ import annotations

from agent_runtime.bridge import WorkerLane, call_in_caller_outcome, call_in_worker_outcome

__all__ = ("ToCaller", "ToLane")


class ToCaller:
    """Plain functions of a sync call: on the thread that waits in it."""

    on_caller = staticmethod(call_in_caller_outcome)
    on_worker = staticmethod(call_in_worker_outcome)


class ToLane:
    """Plain functions of an async call: on one worker thread, never on the host's loop thread."""

    on_worker = staticmethod(call_in_worker_outcome)

    def __init__(self, lane: WorkerLane) -> None:
        self.on_caller = lane.call_outcome
