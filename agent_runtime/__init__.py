"""YAML agent workflows whose sync entry points work in every context from which Python can be called.

Importing this starts no thread, makes no loop and reads no file. What few workflows need is imported when
it is asked for: the classes of events alone would take a tenth of the time that importing this may take.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

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
from agent_runtime.executor import Executor
from agent_runtime.llm import LLMClient, ScriptedClient, StreamingLLMClient, fast
from agent_runtime.options import Options
from agent_runtime.results import Question, RunResult, RunStatus, StepFault, StepRecord, StepState
from agent_runtime.runtime import Runtime
from agent_runtime.shortcuts import (
    load_workflow,
    run_workflow,
    run_workflow_async,
    stream_workflow,
    stream_workflow_async,
)
from agent_runtime.usage import Price
from agent_runtime.workflow import Workflow

if TYPE_CHECKING:
    from agent_runtime.events import (
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
    )
    from agent_runtime.llm.openai_compatible import HTTPOptions, OpenAICompatibleClient
    from agent_runtime.llm.wire import (
        ChatCall,
        ChatFunction,
        ChatMessage,
        ChatReply,
        ChatTool,
        ChatToolFunction,
        tool_calls,
    )
    from agent_runtime.many import MappedRun
    from agent_runtime.mcp import MCPTools
    from agent_runtime.memory import Conversation, InMemoryStore, MemoryStore
    from agent_runtime.prompts import PromptRegistry
    from agent_runtime.secrets import RedactingFilter, Secret, redact
    from agent_runtime.storage import MemoryStorage, PostgreSQLStorage, SQLiteStorage, Storage
    from agent_runtime.tools import ToolRegistry, tool

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

_LATER = {
    **dict.fromkeys(("HTTPOptions", "OpenAICompatibleClient"), "llm.openai_compatible"),
    **dict.fromkeys(("ChatCall", "ChatFunction", "ChatMessage", "ChatReply"), "llm.wire"),
    **dict.fromkeys(("ChatTool", "ChatToolFunction", "tool_calls"), "llm.wire"),
    **dict.fromkeys(("RedactingFilter", "Secret", "redact"), "secrets"),
    "MappedRun": "many",
    **dict.fromkeys(("ToolRegistry", "tool"), "tools"),
    "PromptRegistry": "prompts",
    "MCPTools": "mcp",
    **dict.fromkeys(("MemoryStorage", "PostgreSQLStorage", "SQLiteStorage", "Storage"), "storage"),
    **dict.fromkeys(("Conversation", "InMemoryStore", "MemoryStore"), "memory"),
}
"""Where names are that few workflows need; those that are not here are events."""


def __getattr__(name: str) -> object:
    """Import what is not imported with the package when it is asked for."""
    if name in __all__:
        return getattr(import_module(f"agent_runtime.{_LATER.get(name, 'events')}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
