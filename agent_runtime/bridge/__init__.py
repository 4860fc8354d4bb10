"""Sync to async: call async code from any thread, in any situation, and get what it returns.

Public, and of use to any SDK that is async inside and wants sync entry points; it knows nothing of
workflows. Importing it starts no thread, makes no loop and patches nothing.
"""

from agent_runtime.bridge.caller import OnRunningLoop, Strategy
from agent_runtime.bridge.errands import (
    WorkerLane,
    call_in_caller,
    call_in_caller_outcome,
    call_in_worker,
    call_in_worker_outcome,
)
from agent_runtime.bridge.portal import LoopFactory
from agent_runtime.bridge.public import Bridge, enter, iterate, run_sync

__all__ = (
    "Bridge",
    "LoopFactory",
    "OnRunningLoop",
    "Strategy",
    "WorkerLane",
    "call_in_caller",
    "call_in_caller_outcome",
    "call_in_worker",
    "call_in_worker_outcome",
    "enter",
    "iterate",
    "run_sync",
)
