"""Sync to async: call async code from any thread, in any situation, and get what it returns.

Public, and of use to any SDK that is async inside and wants sync entry points; it knows nothing of
workflows. Importing it starts no thread, makes no loop and patches nothing.
"""

from agent_runtime.bridge.caller import OnRunningLoop, run_sync
from agent_runtime.bridge.errands import (
    WorkerLane,
    call_in_caller,
    call_in_caller_outcome,
    call_in_worker,
    call_in_worker_outcome,
)

__all__ = (
    "OnRunningLoop",
    "WorkerLane",
    "call_in_caller",
    "call_in_caller_outcome",
    "call_in_worker",
    "call_in_worker_outcome",
    "run_sync",
)
