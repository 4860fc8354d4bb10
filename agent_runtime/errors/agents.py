"""What goes wrong with agents: their tools, their turns, their answers, their memory."""

from __future__ import annotations

from collections.abc import Sequence

from agent_runtime.errors.base import AgentRuntimeError
from agent_runtime.errors.workflows import StepError

__all__ = (
    "AnswerError",
    "MCPClosedError",
    "MemoryConflictError",
    "ToolError",
    "ToolSignatureError",
    "TurnLimitError",
)

_SHOWN = 200


class ToolError(AgentRuntimeError):
    """Raised by a tool itself: the model gets the text as the tool's result, and may try something else.

    Whatever else a tool raises ends the step, unless its agent says ``on_tool_error: tell``.

    Attributes:
        message: what the model is told.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return self.message


class ToolSignatureError(AgentRuntimeError, TypeError):
    """A function cannot be described to a model: no JSON Schema says what it takes.

    Attributes:
        tool: name of the tool.
        reason: what cannot be expressed, and what can.
    """

    def __init__(self, tool: str, reason: str) -> None:
        super().__init__(tool, reason)
        self.tool = tool
        self.reason = reason

    def __str__(self) -> str:
        return f"the tool '{self.tool}' cannot be described to a model: {self.reason}"


class TurnLimitError(StepError):
    """An agent has asked the model ``max_turns`` times, and the model still calls tools.

    Attributes:
        step: id of the step.
        turns: how often the model was asked.
        tools: the tools that it has called last.
    """

    def __init__(self, step: str, turns: int, tools: Sequence[str]) -> None:
        super().__init__(step, turns, tuple(tools))
        self.step = step
        self.turns = turns
        self.tools = tuple(tools)

    def __str__(self) -> str:
        times = "once" if self.turns == 1 else f"{self.turns} times"
        return (
            f"step '{self.step}' has asked the model {times}, which is its 'max_turns', and it still calls"
            f" {', '.join(self.tools)}; raise 'max_turns', or say in the prompt when to answer"
        )


class AnswerError(StepError, ValueError):
    """The model's answer is not what the step's ``output`` says, also after it has been told so.

    Attributes:
        step: id of the step.
        faults: what is wrong with the last answer.
        answer: the last answer.
        repairs: how often the model was told what is wrong.
    """

    def __init__(self, step: str, faults: Sequence[str], answer: str, repairs: int) -> None:
        super().__init__(step, tuple(faults), answer, repairs)
        self.step = step
        self.faults = tuple(faults)
        self.answer = answer
        self.repairs = repairs

    def __str__(self) -> str:
        short = self.answer if len(self.answer) <= _SHOWN else f"{self.answer[: _SHOWN - 3]}..."
        after = f" after {self.repairs} repairs" if self.repairs != 1 else " after 1 repair"
        return (
            f"the answer in step '{self.step}' is not what its 'output' says{after}:"
            f" {'; '.join(self.faults)}; the answer was {short!r}"
        )


class MemoryConflictError(StepError):
    """A conversation could not be kept: others have changed it each time, between reading and writing it.

    Attributes:
        step: id of the step.
        key: of the conversation.
        tries: how often it was tried.
    """

    def __init__(self, step: str, key: str, tries: int) -> None:
        super().__init__(step, key, tries)
        self.step = step
        self.key = key
        self.tries = tries

    def __str__(self) -> str:
        return (
            f"step '{self.step}' could not keep its conversation '{self.key}': others have changed it"
            f" {self.tries} times meanwhile; let fewer runs talk under one key at once"
        )


class MCPClosedError(AgentRuntimeError):
    """A tool of an MCP server was called after the ``with`` block that had started the server.

    Attributes:
        server: the server's program.
        tool: the server's name of the tool.
    """

    def __init__(self, server: str, tool: str) -> None:
        super().__init__(server, tool)
        self.server = server
        self.tool = tool

    def __str__(self) -> str:
        return (
            f"the MCP server '{self.server}' has been left, and its tool '{self.tool}' was called;"
            " run workflows that use it inside of the 'with' block"
        )
