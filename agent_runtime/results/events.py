"""What happens in a run, as events: what a stream gives to its reader, one by one.

::

    RunEvent                 run_id, time
    ├── RunStarted           workflow
    ├── RunFinished          result                    the last event of a run that succeeded
    ├── RunFailed            error_type, error         the last event before the exception itself
    └── StepEvent            step
        ├── StepStarted      what it needs has ended; after this comes exactly one of the next five
        ├── StepFinished     output, record
        ├── StepSkipped      record
        ├── StepFailed       error_type, error, attempts
        ├── StepCancelled
        ├── StepWaiting      message, options
        ├── StepRetrying     error_type, error, attempt, delay
        ├── TokenReceived    text
        ├── ToolCalled       tool, call_id, arguments
        ├── ToolReturned     tool, call_id, content, failed
        └── WarningIssued    code, message

An event holds texts in the place of exceptions: an exception that a variable of its own traceback leads
back to would be kept alive until the collector comes by.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from agent_runtime.results.run_result import RunResult, StepRecord
from agent_runtime.results.warning_codes import WarningCode

__all__ = (
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
)


@dataclass(frozen=True, slots=True)
class RunEvent:
    """What all events have in common.

    Attributes:
        run_id: the run, as :attr:`RunResult.run_id` has it.
        time: when it happened, in seconds since the epoch.
    """

    run_id: str
    time: float


@dataclass(frozen=True, slots=True)
class RunStarted(RunEvent):
    """A run has begun; always the first event.

    Attributes:
        workflow: the workflow's name.
    """

    workflow: str


@dataclass(frozen=True, slots=True)
class RunFinished(RunEvent):
    """A run has succeeded, or waits for somebody's decision; nothing comes after this.

    Attributes:
        result: what the entry points that do not stream return.
    """

    result: RunResult


@dataclass(frozen=True, slots=True)
class RunFailed(RunEvent):
    """A run has failed, or was cut off by its time limit or the closing of its runtime.

    After this, the exception itself comes out of the stream.

    Attributes:
        error_type: name of the exception's class.
        error: the exception as text.
    """

    error_type: str
    error: str


@dataclass(frozen=True, slots=True)
class StepEvent(RunEvent):
    """What the events of one step have in common.

    Attributes:
        step: id of the step; for one inside another, where it stands, as in ``rows[3].price``.
    """

    step: str


@dataclass(frozen=True, slots=True)
class StepStarted(StepEvent):
    """All that a step waits for has ended, and its turn has come.

    It ends in one of StepFinished, StepSkipped, StepFailed, StepCancelled and StepWaiting.
    """


@dataclass(frozen=True, slots=True)
class StepFinished(StepEvent):
    """A step has succeeded.

    Attributes:
        output: what references see as ``${steps.<id>.output}``.
        record: what the result will say of the step.
    """

    output: object
    record: StepRecord


@dataclass(frozen=True, slots=True)
class StepWaiting(StepEvent):
    """A step with ``approval`` waits until somebody has decided; it begins anew when the run is resumed.

    Attributes:
        message: what is asked.
        options: what can be decided.
    """

    message: str
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StepSkipped(StepEvent):
    """The condition of a step, its ``when``, was false.

    Attributes:
        record: what the result will say of the step.
    """

    record: StepRecord


@dataclass(frozen=True, slots=True)
class StepFailed(StepEvent):
    """A step has failed and will not be tried again; unless it says otherwise, that ends the run.

    Attributes:
        error_type: name of the exception's class.
        error: the exception as text.
        attempts: how many times it was tried; 0 when its condition could not be evaluated.
    """

    error_type: str
    error: str
    attempts: int


@dataclass(frozen=True, slots=True)
class StepCancelled(StepEvent):
    """A step was cancelled and has cleaned up: another one has failed, or the run was cut off."""


@dataclass(frozen=True, slots=True)
class StepRetrying(StepEvent):
    """An attempt has failed and another one will be made; tokens received so far are void.

    Attributes:
        error_type: name of the exception's class.
        error: the exception as text.
        attempt: which attempt it was, counted from 1.
        delay: seconds until the next one.
    """

    error_type: str
    error: str
    attempt: int
    delay: float


@dataclass(frozen=True, slots=True)
class TokenReceived(StepEvent):
    """An LLM client that streams has given a piece of its answer.

    Attributes:
        text: the piece; all pieces in a row, from the start of an attempt, the last ToolReturned or the last
            answer that was rejected on, are one answer of the model.
    """

    text: str


@dataclass(frozen=True, slots=True)
class ToolCalled(StepEvent):
    """A model has called a tool, which begins when there is room for it.

    Attributes:
        tool: its name, as it is registered; for one that there is not, as the model has called it.
        call_id: of this call; two turns may use the same.
        arguments: JSON text, as the model has written it.
    """

    tool: str
    call_id: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolReturned(StepEvent):
    """A call of a tool has ended, and this is what the model is told of it.

    A call that ends the step has no such event: ``StepFailed`` or ``StepRetrying`` tells of it.

    Attributes:
        tool: as in ToolCalled.
        call_id: as in ToolCalled.
        content: what the model is told.
        failed: whether that is a mistake: no such tool, wrong arguments, an exception.
    """

    tool: str
    call_id: str
    content: str
    failed: bool


@dataclass(frozen=True, slots=True)
class WarningIssued(StepEvent):
    """Something is not as it should be, the run goes on all the same, and no other event says so.

    It may come after the step's end: what goes on after a cancellation is known only then.

    Attributes:
        code: what it is about.
        message: the same for people, without the run's secrets; its words may change.
    """

    code: WarningCode
    message: str


StreamEvent: TypeAlias = (
    RunStarted
    | RunFinished
    | RunFailed
    | StepStarted
    | StepFinished
    | StepSkipped
    | StepWaiting
    | StepFailed
    | StepCancelled
    | StepRetrying
    | TokenReceived
    | ToolCalled
    | ToolReturned
    | WarningIssued
)
"""Every kind of event that a stream gives. Later versions may add kinds: a ``match`` over events that is
to survive them ends in ``case _``."""
