"""What an agent step says, as frozen data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from agent_runtime.references import Pairs, Template
from agent_runtime.words import Check, OnToolError, Position, RunsOn, ValueType

__all__ = ("AgentCall", "AgentTool", "AnswerField", "AnswerSpec", "MemorySpec", "Message", "SummarySpec")

_NOTHING = Pairs(())


class Message(NamedTuple):
    """One message to the language model."""

    role: str
    content: Template


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


class AgentCall(NamedTuple):
    """``agent: {...}``: ask the language model.

    Attributes:
        scenario: name of the prompt; the client gets it as ``prompt_template``.
        version: version of the prompt; the client gets it as ``template_version``.
        messages: what is asked.
        config: settings for the client, such as the model's name; not interpreted here.
        arguments: the inputs of the prompt.
        tools: what the model may call.
        max_turns: how often the model is asked at most, repairs of its answer not counted.
        concurrency: how many tools may run at once.
        on_tool_error: what an exception of a tool means.
        answer: what the answer must be; None means any text.
        memory: the conversation that it continues; None means none.
        position: of the mapping.
        scenario_position: of the prompt's name.
        version_position: of the prompt's version.
    """

    scenario: str | None
    version: str | None
    messages: tuple[Message, ...]
    config: Template
    arguments: Template = _NOTHING
    tools: tuple[AgentTool, ...] = ()
    max_turns: int = 8
    concurrency: int = 8
    on_tool_error: OnToolError = OnToolError.FAIL
    answer: AnswerSpec | None = None
    memory: MemorySpec | None = None
    position: Position = Position()
    scenario_position: Position = Position()
    version_position: Position = Position()
