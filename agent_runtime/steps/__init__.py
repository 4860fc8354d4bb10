"""What each kind of step does; one attempt at a time, on whichever thread its function belongs to."""

from __future__ import annotations

from agent_runtime.steps.call import Callee, Surroundings, Trace, is_async
from agent_runtime.steps.offload import Offload, thread_name
from agent_runtime.steps.overrun import Overrun
from agent_runtime.steps.run import attempt

__all__ = ("Callee", "Offload", "Overrun", "Surroundings", "Trace", "attempt", "is_async", "thread_name")
