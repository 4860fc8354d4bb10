"""A workflow as frozen data: what loading makes and the engine reads; may be shared by any threads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from agent_runtime.expressions import Template
from agent_runtime.workflow.agent import (
    AgentCall,
    Message,
)
from agent_runtime.workflow.enums import (
    AtMax,
    Check,
    Named,
    OnError,
    OnToolError,
    Position,
    RunsOn,
    ValueType,
)

__all__ = (
    "ONCE",
    "Action",
    "AgentCall",
    "Approval",
    "AtMax",
    "Block",
    "Check",
    "ForEach",
    "FunctionCall",
    "InputSpec",
    "Message",
    "Named",
    "Need",
    "OnError",
    "OnToolError",
    "OutputSpec",
    "Position",
    "Repeat",
    "Retry",
    "RunsOn",
    "Step",
    "ToolCall",
    "ValueType",
    "Workflow",
    "WorkflowCall",
)


@dataclass(frozen=True, slots=True)
class InputSpec:
    """One declared input.

    Attributes:
        name: what ``${inputs.<name>}`` says.
        type: what its value must be.
        required: whether a run must be given it.
        default: its value when a run is not given it.
        description: for people.
        check: says what about a value does not fit its JSON Schema; None means that it has none.
        position: of the declaration.
    """

    name: str
    type: ValueType
    required: bool
    default: object = None
    description: str = ""
    check: Check | None = field(default=None, compare=False)
    position: Position = field(default=Position(), compare=False)


class OutputSpec(NamedTuple):
    """What one output must be.

    Attributes:
        name: of the output.
        type: what its value must be.
        check: says what about a value does not fit its JSON Schema; None means that it has none.
        position: of the declaration.
    """

    name: str
    type: ValueType
    check: Check | None = None
    position: Position = Position()


class Retry(NamedTuple):
    """How often a step is tried, after which errors, and how long is waited before each further time.

    Attributes:
        attempts: how many times in all, at least 1.
        backoff: seconds before the second attempt.
        factor: by what the wait grows from attempt to attempt.
        max_backoff: seconds that a wait has at most.
        jitter: which part of a wait is left to chance: 0 none of it, 1 all.
        on: the errors after which to try again; empty means any.
    """

    attempts: int = 1
    backoff: float = 0.0
    factor: float = 2.0
    max_backoff: float = 3_600.0
    jitter: float = 0.0
    on: tuple[Named, ...] = ()


ONCE = Retry()
"""A step that does not say ``retry``."""


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """``function: name``: call a registered function with the values of ``with`` as keywords."""

    name: str
    arguments: Template
    runs_on: RunsOn = RunsOn.CALLER
    position: Position = field(default=Position(), compare=False)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """``tool: name``: call, and await if need be, a registered tool with the values of ``with``."""

    name: str
    arguments: Template
    runs_on: RunsOn = RunsOn.CALLER
    position: Position = field(default=Position(), compare=False)


@dataclass(frozen=True, slots=True)
class WorkflowCall:
    """``workflow: name``: run another workflow, with the values of ``with`` as its inputs.

    Attributes:
        name: the name that the host has registered, or a path that begins with ``./`` or ``../``.
        arguments: the inputs.
        position: of the name.
    """

    name: str
    arguments: Template
    position: Position = field(default=Position(), compare=False)


class Approval(NamedTuple):
    """``approval: ...``: wait until somebody has decided.

    Attributes:
        message: what is asked.
        options: what can be decided.
        position: where it stands.
    """

    message: Template
    options: tuple[str, ...] = ("approve", "reject")
    position: Position = Position()


@dataclass(frozen=True, slots=True)
class Block:
    """``steps: [...]`` or ``parallel: [...]``: steps as one step.

    Attributes:
        steps: in the order of the file.
        concurrency: how many may run at once; None means any number.
        independent: whether they do not wait for each other, as under ``parallel``.
    """

    steps: tuple[Step, ...]
    concurrency: int | None = None
    independent: bool = False


Action = AgentCall | Approval | FunctionCall | ToolCall | WorkflowCall | Block


class ForEach(NamedTuple):
    """``for_each``: do the step once for each item of a list.

    Attributes:
        items: the list.
        concurrency: how many items may be worked on at once.
        on_error: what the failure of one item means for the step.
    """

    items: Template
    concurrency: int = 16
    on_error: OnError = OnError.FAIL


class Repeat(NamedTuple):
    """``repeat``: do the step again and again, one time after the other.

    Attributes:
        max: how often at most.
        until: ends when this is true after a time; None for no such condition.
        while_: ends when this is not true before a time; None for no such condition.
        delay: seconds between two times.
        at_max: what it means to come to ``max``; with neither condition, that is the end.
    """

    max: int
    until: Template | None = None
    while_: Template | None = None
    delay: float = 0.0
    at_max: AtMax = AtMax.FAIL


class Need(NamedTuple):
    """One id under ``needs``, and where it stands."""

    step: str
    position: Position = Position()


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Attributes:
        id: its name in references.
        action: what it does.
        when: the step is skipped unless this is true; None means always run.
        needs: ids named under ``needs``.
        depends_on: ids of all steps that must have ended before: ``needs`` and every reference.
        retry: how often to try.
        timeout: seconds that one attempt may take; None means any time.
        on_error: what its failure means.
        fallback: what to do when every attempt has failed; its output is the step's.
        compensate: what undoes it, if the run fails after it has succeeded.
        for_each: the items that it is done for, each by itself; None means it is done once.
        repeat: how often it is done, one time after the other; None means once.
        position: of the step in the file.
    """

    id: str
    action: Action
    when: Template | None = None
    needs: tuple[Need, ...] = ()
    depends_on: tuple[str, ...] = ()
    retry: Retry = ONCE
    timeout: float | None = None
    on_error: OnError = OnError.FAIL
    fallback: Step | None = None
    compensate: Step | None = None
    for_each: ForEach | None = None
    repeat: Repeat | None = None
    position: Position = field(default=Position(), compare=False)


@dataclass(frozen=True, slots=True)
class Workflow:
    """A whole workflow, checked: every name in it is known and no step waits for itself.

    Attributes:
        id: for logs and the LLM client's metadata; the name unless the file says otherwise.
        name: for people.
        file: the file as it was named by the caller, or ``<workflow text>``, or ``<steps>``.
        description: for people.
        inputs: the declared inputs by name.
        open_inputs: whether any input is taken, because nothing is declared (a bare list of steps).
        steps: in the order of the file.
        outputs: what a run returns by name; None returns every step's output by id.
        output_types: what outputs must be, where the file says so.
        timeout: seconds that a run may take; None means any time.
        inputs_position: where the inputs are declared.
    """

    id: str
    name: str
    file: str
    steps: tuple[Step, ...]
    description: str = ""
    inputs: Mapping[str, InputSpec] = field(default_factory=dict)
    open_inputs: bool = False
    outputs: tuple[tuple[str, Template], ...] | None = None
    output_types: tuple[OutputSpec, ...] = ()
    timeout: float | None = None
    inputs_position: Position = field(default=Position(), compare=False)
