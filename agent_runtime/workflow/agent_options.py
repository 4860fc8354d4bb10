"""What an agent step may say besides its messages, as frozen data: imported with the first that says more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from agent_runtime.expressions import Template
from agent_runtime.workflow.enums import Check, OnToolError, Position, RunsOn, ValueType

__all__ = ("AgentTool", "AnswerField", "AnswerSpec", "MemorySpec", "SummarySpec")


class AgentTool(NamedTuple):
    """One tool that an agent may call.

    Attributes:
        name: under which it is registered.
        runs_on: which thread it runs on, if it is a plain ``def``.
        on_error: what an exception of it means, if that is not what the agent says.
        position: of the name.
    """

    name: str
    runs_on: RunsOn = RunsOn.CALLER
    on_error: OnToolError | None = None
    position: Position = Position()


class AnswerField(NamedTuple):
    """One named part of an answer that is an object.

    Attributes:
        type: what its value must be.
        required: whether an answer must have it.
        description: for the model.
        items: what the items of an array must be.
        choices: what its value may be; empty means anything of the type.
    """

    type: ValueType
    required: bool = True
    description: str = ""
    items: ValueType | None = None
    choices: tuple[object, ...] = ()


class AnswerSpec(NamedTuple):
    """What an agent's answer must be, as JSON.

    Attributes:
        type: of the whole.
        fields: its parts, if it is an object whose parts are declared.
        check: says what about an answer does not fit its JSON Schema; None means that it has none.
        schema: that JSON Schema.
        repairs: how often the model is told what is wrong with its answer.
    """

    type: ValueType
    fields: Mapping[str, AnswerField] | None = None
    check: Check | None = None
    schema: Mapping[str, object] | None = None
    repairs: int = 2


class SummarySpec(NamedTuple):
    """When a conversation is summed up.

    Attributes:
        after: messages from which on it is.
        keep: how many of the last messages stay as they are.
        prompt: what the model is asked to do; None means a sentence of our own.
    """

    after: int
    keep: int = 10
    prompt: str | None = None


class MemorySpec(NamedTuple):
    """Which conversation an agent continues.

    Attributes:
        name: of the conversation.
        key: whose it is; None means that of the run.
        window: how many of the last messages are kept; None means all.
        summary: when the older ones are summed up, if ever.
        position: of the declaration.
    """

    name: str
    key: Template | None = None
    window: int | None = None
    summary: SummarySpec | None = None
    position: Position = Position()
