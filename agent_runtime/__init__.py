"""YAML agent workflows whose sync entry points work in every context from which Python can be called.

Importing this starts no thread, makes no loop and reads no file. A name is imported from its module when it
is first asked for: who wants the bridge alone does not wait for workflows, nobody for what is not used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent_runtime.agents.prompts import PromptRegistry
    from agent_runtime.api.executor import Executor
    from agent_runtime.api.functions import (
        load_workflow,
        run_workflow,
        run_workflow_async,
        stream_workflow,
        stream_workflow_async,
    )
    from agent_runtime.api.runtime import Runtime
    from agent_runtime.errors import (
        AgentRuntimeError,
        AnswerError,
        ApprovalRejectedError,
        BlockedLoopWarning,
        BridgeClosedError,
        BridgeError,
        CallAbandonedError,
        CallerLoopError,
        CircularWaitError,
        ContextInUseError,
        DecisionError,
        ExecutorBrokenError,
        ForkedCallError,
        IdempotencyError,
        LeaseLostError,
        LLMClientClosedError,
        LLMClientError,
        LLMConnectionError,
        LLMRateLimitError,
        LLMReplyError,
        LLMRequestError,
        LLMServerError,
        LLMServiceError,
        LLMStatusError,
        LLMTimeoutError,
        MCPClosedError,
        MemoryConflictError,
        MissingExtraError,
        NoCallerError,
        NoThreadError,
        NotPortableError,
        NotStorableError,
        OutputTypeError,
        Problem,
        RecordedFailureError,
        ReferenceValueError,
        RemoteError,
        RepeatLimitError,
        RunBusyError,
        RunCancelledError,
        RunConflictError,
        RunEndedError,
        RunExistsError,
        RunNotFoundError,
        RuntimeClosedError,
        SecretError,
        StalledCallWarning,
        StepError,
        StepInputError,
        StepTimeoutError,
        StorageError,
        ToolError,
        ToolSignatureError,
        TurnLimitError,
        WorkerLostError,
        WorkflowChangedError,
        WorkflowError,
    )
    from agent_runtime.llm import LLMClient, ScriptedClient, StreamingLLMClient, fast
    from agent_runtime.llm.chat import (
        ChatCall,
        ChatFunction,
        ChatMessage,
        ChatReply,
        ChatTool,
        ChatToolFunction,
        tool_calls,
    )
    from agent_runtime.llm.openai_compatible import HTTPOptions, OpenAICompatibleClient
    from agent_runtime.memory import Conversation, InMemoryStore, MemoryStore
    from agent_runtime.memory.sql import PostgreSQLMemoryStore, SQLiteMemoryStore
    from agent_runtime.results.events import (
        RunEvent,
        RunFailed,
        RunFinished,
        RunStarted,
        StepCancelled,
        StepEvent,
        StepFailed,
        StepFinished,
        StepRetrying,
        StepSkipped,
        StepStarted,
        StepWaiting,
        StreamEvent,
        TokenReceived,
        ToolCalled,
        ToolReturned,
        WarningIssued,
    )
    from agent_runtime.results.run_result import (
        Question,
        RunResult,
        RunStatus,
        StepFault,
        StepRecord,
        StepState,
    )
    from agent_runtime.results.usage import Price
    from agent_runtime.results.warning_codes import WarningCode
    from agent_runtime.runs.map import MappedRun
    from agent_runtime.runs.options import Options
    from agent_runtime.secrets import RedactingFilter, Secret, redact
    from agent_runtime.storage import MemoryStorage, PostgreSQLStorage, SQLiteStorage, Storage
    from agent_runtime.tools import ToolRegistry, tool
    from agent_runtime.tools.mcp import MCPTools
    from agent_runtime.workflow.model import Workflow

__version__ = "0.1.0"

__all__ = (
    "AgentRuntimeError",
    "AnswerError",
    "ApprovalRejectedError",
    "BlockedLoopWarning",
    "BridgeClosedError",
    "BridgeError",
    "CallAbandonedError",
    "CallerLoopError",
    "ChatCall",
    "ChatFunction",
    "ChatMessage",
    "ChatReply",
    "ChatTool",
    "ChatToolFunction",
    "CircularWaitError",
    "ContextInUseError",
    "Conversation",
    "DecisionError",
    "Executor",
    "ExecutorBrokenError",
    "ForkedCallError",
    "HTTPOptions",
    "IdempotencyError",
    "InMemoryStore",
    "LLMClient",
    "LLMClientClosedError",
    "LLMClientError",
    "LLMConnectionError",
    "LLMRateLimitError",
    "LLMReplyError",
    "LLMRequestError",
    "LLMServerError",
    "LLMServiceError",
    "LLMStatusError",
    "LLMTimeoutError",
    "LeaseLostError",
    "MCPClosedError",
    "MCPTools",
    "MappedRun",
    "MemoryConflictError",
    "MemoryStorage",
    "MemoryStore",
    "MissingExtraError",
    "NoCallerError",
    "NoThreadError",
    "NotPortableError",
    "NotStorableError",
    "OpenAICompatibleClient",
    "Options",
    "OutputTypeError",
    "PostgreSQLMemoryStore",
    "PostgreSQLStorage",
    "Price",
    "Problem",
    "PromptRegistry",
    "Question",
    "RecordedFailureError",
    "RedactingFilter",
    "ReferenceValueError",
    "RemoteError",
    "RepeatLimitError",
    "RunBusyError",
    "RunCancelledError",
    "RunConflictError",
    "RunEndedError",
    "RunEvent",
    "RunExistsError",
    "RunFailed",
    "RunFinished",
    "RunNotFoundError",
    "RunResult",
    "RunStarted",
    "RunStatus",
    "Runtime",
    "RuntimeClosedError",
    "SQLiteMemoryStore",
    "SQLiteStorage",
    "ScriptedClient",
    "Secret",
    "SecretError",
    "StalledCallWarning",
    "StepCancelled",
    "StepError",
    "StepEvent",
    "StepFailed",
    "StepFault",
    "StepFinished",
    "StepInputError",
    "StepRecord",
    "StepRetrying",
    "StepSkipped",
    "StepStarted",
    "StepState",
    "StepTimeoutError",
    "StepWaiting",
    "Storage",
    "StorageError",
    "StreamEvent",
    "StreamingLLMClient",
    "TokenReceived",
    "ToolCalled",
    "ToolError",
    "ToolRegistry",
    "ToolReturned",
    "ToolSignatureError",
    "TurnLimitError",
    "WarningCode",
    "WarningIssued",
    "WorkerLostError",
    "Workflow",
    "WorkflowChangedError",
    "WorkflowError",
    "__version__",
    "fast",
    "load_workflow",
    "redact",
    "run_workflow",
    "run_workflow_async",
    "stream_workflow",
    "stream_workflow_async",
    "tool",
    "tool_calls",
)

_HOMES = {
    "results.events": (
        "RunEvent",
        "RunFailed",
        "RunFinished",
        "RunStarted",
        "StepCancelled",
        "StepEvent",
        "StepFailed",
        "StepFinished",
        "StepRetrying",
        "StepSkipped",
        "StepStarted",
        "StepWaiting",
        "StreamEvent",
        "TokenReceived",
        "ToolCalled",
        "ToolReturned",
        "WarningIssued",
    ),
    "api.executor": ("Executor",),
    "llm": ("LLMClient", "ScriptedClient", "StreamingLLMClient", "fast"),
    "llm.openai_compatible": ("HTTPOptions", "OpenAICompatibleClient"),
    "llm.chat": (
        "ChatCall",
        "ChatFunction",
        "ChatMessage",
        "ChatReply",
        "ChatTool",
        "ChatToolFunction",
        "tool_calls",
    ),
    "runs.map": ("MappedRun",),
    "tools.mcp": ("MCPTools",),
    "memory": ("Conversation", "InMemoryStore", "MemoryStore"),
    "memory.sql": ("PostgreSQLMemoryStore", "SQLiteMemoryStore"),
    "runs.options": ("Options",),
    "agents.prompts": ("PromptRegistry",),
    "results.run_result": ("Question", "RunResult", "RunStatus", "StepFault", "StepRecord", "StepState"),
    "api.runtime": ("Runtime",),
    "secrets": ("RedactingFilter", "Secret", "redact"),
    "api.functions": (
        "load_workflow",
        "run_workflow",
        "run_workflow_async",
        "stream_workflow",
        "stream_workflow_async",
    ),
    "storage": ("MemoryStorage", "PostgreSQLStorage", "SQLiteStorage", "Storage"),
    "tools": ("ToolRegistry", "tool"),
    "results.usage": ("Price",),
    "results.warning_codes": ("WarningCode",),
    "workflow.model": ("Workflow",),
}
"""Which module has which of the public names; those that are not here are errors."""

_MODULES = ("bridge", "errors")
"""Modules that ``import agent_runtime`` alone is enough for."""

_HOME_OF = {
    **dict.fromkeys(__all__, "errors"),
    **{name: home for home, names in _HOMES.items() for name in names},
}


if not TYPE_CHECKING:  # a type checker would take any name for a public one

    def __getattr__(name: str) -> object:
        """Import what is asked for, and have it at hand from then on."""
        if name in _MODULES:
            return import_module(f"agent_runtime.{name}")
        if name not in _HOME_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(f"agent_runtime.{_HOME_OF[name]}"), name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})
