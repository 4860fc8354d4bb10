"""YAML agent workflows whose sync entry points work in every context from which Python can be called.

Importing this starts no thread, makes no loop and reads no file.
"""

from agent_runtime.errors import (
    AgentRuntimeError,
    BlockedLoopWarning,
    BridgeClosedError,
    BridgeError,
    CallAbandonedError,
    CallerLoopError,
    CircularWaitError,
    ContextInUseError,
    ForkedCallError,
    LLMClientError,
    NoCallerError,
    NoThreadError,
    Problem,
    ReferenceValueError,
    RuntimeClosedError,
    StalledCallWarning,
    StepError,
    StepTimeoutError,
    WorkflowError,
)
from agent_runtime.executor import Executor
from agent_runtime.llm import LLMClient, ScriptedClient, fast
from agent_runtime.results import RunResult, RunStatus, StepRecord, StepState
from agent_runtime.runtime import Runtime
from agent_runtime.shortcuts import load_workflow, run_workflow, run_workflow_async
from agent_runtime.workflow import Workflow

__version__ = "0.1.0"

__all__ = (
    "AgentRuntimeError",
    "BlockedLoopWarning",
    "BridgeClosedError",
    "BridgeError",
    "CallAbandonedError",
    "CallerLoopError",
    "CircularWaitError",
    "ContextInUseError",
    "Executor",
    "ForkedCallError",
    "LLMClient",
    "LLMClientError",
    "NoCallerError",
    "NoThreadError",
    "Problem",
    "ReferenceValueError",
    "RunResult",
    "RunStatus",
    "Runtime",
    "RuntimeClosedError",
    "ScriptedClient",
    "StalledCallWarning",
    "StepError",
    "StepRecord",
    "StepState",
    "StepTimeoutError",
    "Workflow",
    "WorkflowError",
    "__version__",
    "fast",
    "load_workflow",
    "run_workflow",
    "run_workflow_async",
)
