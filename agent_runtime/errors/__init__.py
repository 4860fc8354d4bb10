"""Every error that agent_runtime raises of its own, as one tree.

A step's own exception is never wrapped: what the step raised is what comes out of the entry point.

::

    AgentRuntimeError
    ├── BridgeError               can I not call this here?
    │   ├── BridgeClosedError     the bridge has been closed
    │   ├── CallerLoopError       an event loop runs in this thread and the setting refuses to block it
    │   ├── CallAbandonedError    the caller that this work needs has stopped waiting
    │   ├── CircularWaitError     the work waits for the caller, and the caller for the work
    │   ├── ContextInUseError     the context given with context= is entered elsewhere
    │   ├── ForkedCallError       a forked child went on inside a call of its parent
    │   ├── LoopThreadDiedError   the event loop of the loop thread has failed
    │   ├── NoCallerError         this code does not run inside a sync call
    │   └── NoThreadError         no thread can start here, and the calling thread's loop is taken
    ├── WorkflowError             is my workflow, or what I gave it, wrong? No step has run
    ├── StepError                 did a step fail for a reason that the runtime found?
    │   ├── AnswerError           a model's answer is not what its step says (ValueError)
    │   ├── MemoryConflictError   a conversation could not be kept
    │   ├── ApprovalRejectedError somebody has rejected what a step asked for
    │   ├── NotStorableError      what is to be kept of a step cannot be (TypeError)
    │   ├── OutputTypeError       what comes out is not what the workflow says (ValueError)
    │   ├── ReferenceValueError   a ${...} found nothing, or nothing it can work with (LookupError)
    │   ├── RepeatLimitError      a step was repeated as often as it may be
    │   ├── StepInputError        a step gives to a workflow or prompt what that does not take (ValueError)
    │   ├── StepTimeoutError      a step took longer than its timeout (TimeoutError)
    │   └── TurnLimitError        a model was asked as often as it may be, and still calls tools
    ├── MCPClosedError            is the MCP server gone whose tool was called?
    ├── ToolError                 raised by a tool: what the model is told
    ├── ToolSignatureError        can a model not be told what my tool takes? (TypeError)
    ├── LLMClientError            is my LLM client not one? (TypeError)
    ├── LLMRequestError           can what an agent step asks not be sent? (ValueError)
    ├── LLMServiceError           did a language model's server not answer as it should?
    │   ├── LLMConnectionError    it cannot be reached, or the connection broke (ConnectionError)
    │   ├── LLMReplyError         what came is no answer that can be read (ValueError)
    │   ├── LLMStatusError        it refused, with an HTTP status
    │   │   ├── LLMRateLimitError 429: too much has been asked of it
    │   │   └── LLMServerError    5xx: the fault is its own
    │   └── LLMTimeoutError       it took too long (TimeoutError)
    ├── LLMClientClosedError      is the LLM client closed that was asked?
    ├── MissingExtraError         is a library not installed that this needs? (ImportError)
    ├── SecretError               is my secret none that can be kept? (ValueError)
    ├── ExecutorBrokenError       the executor of a map takes no more work
    ├── NotPortableError          something cannot be sent to another process (TypeError)
    ├── RemoteError               an exception of another process that cannot be sent itself
    ├── WorkerLostError           a run of a map was lost with its worker
    ├── RunConflictError          can this run not be started, resumed or decided on as it stands?
    │   ├── DecisionError         the run does not wait for this decision
    │   ├── IdempotencyError      the idempotency key belongs to a run with other inputs
    │   ├── RunBusyError          somebody else has it in hand, or it would wait for itself
    │   ├── RunEndedError         it has come to its end, and cannot go on
    │   ├── RunExistsError        there is a run of this id already
    │   ├── RunNotFoundError      there is no run of this id (LookupError)
    │   └── WorkflowChangedError  it was begun with another version of the workflow
    ├── RunCancelledError         was the run cancelled, by cancel()?
    ├── RecordedFailureError      had it failed before it was resumed?
    ├── StorageError              has what keeps the runs failed? The run has stopped, and can be resumed
    │   └── LeaseLostError        the run goes on elsewhere
    └── RuntimeClosedError        is the runtime closed that I ran, or that was running?
"""

from __future__ import annotations

from agent_runtime.errors.agents import (
    AnswerError,
    MCPClosedError,
    MemoryConflictError,
    ToolError,
    ToolSignatureError,
    TurnLimitError,
)
from agent_runtime.errors.base import AgentRuntimeError, printable
from agent_runtime.errors.calls import (
    BlockedLoopWarning,
    BridgeClosedError,
    BridgeError,
    CallAbandonedError,
    CallerLoopError,
    CircularWaitError,
    ContextInUseError,
    ForkedCallError,
    LoopThreadDiedError,
    NoCallerError,
    NoThreadError,
    StalledCallWarning,
)
from agent_runtime.errors.llm import (
    LLMClientClosedError,
    LLMConnectionError,
    LLMRateLimitError,
    LLMReplyError,
    LLMRequestError,
    LLMServerError,
    LLMServiceError,
    LLMStatusError,
    LLMTimeoutError,
    MissingExtraError,
)
from agent_runtime.errors.runs import (
    ApprovalRejectedError,
    DecisionError,
    IdempotencyError,
    LeaseLostError,
    NotStorableError,
    RecordedFailureError,
    RunBusyError,
    RunCancelledError,
    RunConflictError,
    RunEndedError,
    RunExistsError,
    RunNotFoundError,
    StorageError,
    WorkflowChangedError,
)
from agent_runtime.errors.workers import (
    ExecutorBrokenError,
    NotPortableError,
    RemoteError,
    WorkerLostError,
)
from agent_runtime.errors.workflows import (
    LLMClientError,
    OutputTypeError,
    Problem,
    ReferenceValueError,
    RepeatLimitError,
    RuntimeClosedError,
    SecretError,
    StepError,
    StepInputError,
    StepTimeoutError,
    WorkflowError,
)

__all__ = (
    "AgentRuntimeError",
    "AnswerError",
    "ApprovalRejectedError",
    "BlockedLoopWarning",
    "BridgeClosedError",
    "BridgeError",
    "CallAbandonedError",
    "CallerLoopError",
    "CircularWaitError",
    "ContextInUseError",
    "DecisionError",
    "ExecutorBrokenError",
    "ForkedCallError",
    "IdempotencyError",
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
    "LoopThreadDiedError",
    "MCPClosedError",
    "MemoryConflictError",
    "MissingExtraError",
    "NoCallerError",
    "NoThreadError",
    "NotPortableError",
    "NotStorableError",
    "OutputTypeError",
    "Problem",
    "RecordedFailureError",
    "ReferenceValueError",
    "RemoteError",
    "RepeatLimitError",
    "RunBusyError",
    "RunCancelledError",
    "RunConflictError",
    "RunEndedError",
    "RunExistsError",
    "RunNotFoundError",
    "RuntimeClosedError",
    "SecretError",
    "StalledCallWarning",
    "StepError",
    "StepInputError",
    "StepTimeoutError",
    "StorageError",
    "ToolError",
    "ToolSignatureError",
    "TurnLimitError",
    "WorkerLostError",
    "WorkflowChangedError",
    "WorkflowError",
    "printable",
)
