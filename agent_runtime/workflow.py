"""A workflow as frozen data: what loading makes and the engine reads; may be shared by any threads."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from agent_runtime.references import Template

__all__ = (
    "ONCE",
    "Action",
    "AgentCall",
    "FunctionCall",
    "InputSpec",
    "Message",
    "Need",
    "Position",
    "Retry",
    "RunsOn",
    "Step",
    "ToolCall",
    "ValueType",
    "Workflow",
)


class Position(NamedTuple):
    """Where something stands in a YAML file, counted from 1; None where there is no file."""

    line: int | None = None
    column: int | None = None


class ValueType(enum.Enum):
    """The types that an input can be declared with."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    ARRAY = "array"
    OBJECT = "object"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class InputSpec:
    """One declared input.

    Attributes:
        name: what ``${inputs.<name>}`` says.
        type: what its value must be.
        required: whether a run must be given it.
        default: its value when a run is not given it.
        description: for people.
        position: of the declaration.
    """

    name: str
    type: ValueType
    required: bool
    default: object = None
    description: str = ""
    position: Position = field(default=Position(), compare=False)


class RunsOn(enum.Enum):
    """Which thread a ``def`` step runs on."""

    CALLER = "caller"
    """The thread that called the sync entry point; under an async variant, one worker thread for the run."""
    WORKER = "worker"
    """A worker thread of its own."""


class Retry(NamedTuple):
    """How often a step is tried, and how long is waited before each further time.

    Attributes:
        attempts: how many times in all, at least 1.
        backoff: seconds before the second attempt; doubled before each one after it.
    """

    attempts: int = 1
    backoff: float = 0.0


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


class Message(NamedTuple):
    """One message to the language model."""

    role: str
    content: Template


class AgentCall(NamedTuple):
    """``agent: {...}``: ask the language model.

    Attributes:
        scenario: name of the prompt; the client gets it as ``prompt_template``.
        version: version of the prompt; the client gets it as ``template_version``.
        messages: what is asked.
        config: settings for the client, such as the model's name; not interpreted here.
    """

    scenario: str | None
    version: str | None
    messages: tuple[Message, ...]
    config: Template


Action = AgentCall | FunctionCall | ToolCall


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
        position: of the step in the file.
    """

    id: str
    action: Action
    when: Template | None = None
    needs: tuple[Need, ...] = ()
    depends_on: tuple[str, ...] = ()
    retry: Retry = ONCE
    timeout: float | None = None
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
    inputs_position: Position = field(default=Position(), compare=False)
