"""What each kind of step does; one attempt at a time, on whichever thread its function belongs to."""

from __future__ import annotations

from agent_runtime.engine.steps.agent import MISSING, NO_CONTENT, put, question
from agent_runtime.engine.steps.callee import Callee, is_async
from agent_runtime.engine.steps.context import (
    Agent,
    Journal,
    Surroundings,
    ToolEvents,
    ToolResult,
    Tracing,
    inherited_tracer,
)
from agent_runtime.engine.steps.ignored_cancellation import Overrun
from agent_runtime.engine.steps.invocation import Invocation, Way, invoke, settled
from agent_runtime.engine.steps.offload import Offload, thread_name
from agent_runtime.engine.steps.reply import Reply
from agent_runtime.engine.steps.run import attempt, message_of
from agent_runtime.engine.steps.trace import Trace

__all__ = (
    "MISSING",
    "NO_CONTENT",
    "Agent",
    "Callee",
    "Invocation",
    "Journal",
    "Offload",
    "Overrun",
    "Reply",
    "Surroundings",
    "ToolEvents",
    "ToolResult",
    "Trace",
    "Tracing",
    "Way",
    "attempt",
    "inherited_tracer",
    "invoke",
    "is_async",
    "message_of",
    "put",
    "question",
    "settled",
    "thread_name",
)
