"""Sync to async: call async code from any thread, in any situation, and get what it returns.

Public, and of use to any SDK that is async inside and wants sync entry points; it knows nothing of
workflows. Importing it starts no thread, makes no loop and patches nothing.
"""

from typing import TYPE_CHECKING

from agent_runtime.bridge.caller import OnRunningLoop, Strategy
from agent_runtime.bridge.errands import (
    WorkerLane,
    call_in_caller,
    call_in_caller_outcome,
    call_in_worker,
    call_in_worker_outcome,
)
from agent_runtime.bridge.portal import LoopFactory
from agent_runtime.bridge.public import Bridge, enter, iterate, run_async, run_sync, submit

if TYPE_CHECKING:
    from agent_runtime.bridge.facades import Facade, syncify
else:

    def __getattr__(name: str) -> object:
        """Import what makes facades when it is first asked for: most programs never do."""
        if name not in ("Facade", "syncify"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from agent_runtime.bridge import facades

        globals().update(Facade=facades.Facade, syncify=facades.syncify)
        return globals()[name]


__all__ = (
    "Bridge",
    "Facade",
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
    "run_async",
    "run_sync",
    "submit",
    "syncify",
)
