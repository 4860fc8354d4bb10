"""What an agent step says, as frozen data."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from agent_runtime.expressions import Pairs, Template
from agent_runtime.workflow.enums import OnToolError, Position

if TYPE_CHECKING:
    from agent_runtime.workflow.agent_options import AgentTool, AnswerSpec, MemorySpec

__all__ = ("AgentCall", "Message")

_NOTHING = Pairs(())


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
