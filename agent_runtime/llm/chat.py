"""The wire form: how messages, tools and calls of tools are written between agent steps and LLM clients.

It is the chat format of OpenAI, which most servers understand: a client that talks to one of them passes
``messages`` and ``config["tools"]`` on as they are, and gives back ``content`` and ``tool_calls``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NotRequired

from typing_extensions import TypedDict

__all__ = (
    "ChatCall",
    "ChatFunction",
    "ChatMessage",
    "ChatReply",
    "ChatTool",
    "ChatToolFunction",
    "tool_calls",
)


class ChatFunction(TypedDict):
    """Which function is called: its name, and its arguments as JSON text."""

    name: str
    arguments: str


class ChatCall(TypedDict):
    """One call of a tool that the model asks for; its ``id`` comes back with the result."""

    id: str
    type: Literal["function"]
    function: ChatFunction


class ChatMessage(TypedDict):
    """One message.

    One with the role ``assistant`` may have ``tool_calls``, and then its ``content`` may be None; one with
    the role ``tool`` has the ``tool_call_id`` that it answers.
    """

    role: str
    content: str | Sequence[object] | None
    tool_calls: NotRequired[Sequence[ChatCall]]
    tool_call_id: NotRequired[str]


class ChatToolFunction(TypedDict):
    """What a model is told of a function; ``parameters`` is a JSON Schema of an object."""

    name: str
    description: str
    parameters: Mapping[str, object]


class ChatTool(TypedDict):
    """One item of ``config["tools"]``."""

    type: Literal["function"]
    function: ChatToolFunction


class ChatReply(TypedDict, total=False):
    """What an LLM client returns: an answer, calls of tools, or both.

    ``usage`` counts tokens: ``input_tokens`` and ``output_tokens``, and whatever else the client knows.
    """

    content: str | None
    tool_calls: Sequence[ChatCall]
    usage: Mapping[str, object]
    model: str


def tool_calls(
    *calls: str | tuple[str, Mapping[str, object]], content: str | None = None
) -> dict[str, object]:
    """Return a reply that asks for tools: for scripts and for tests of clients.

    Args:
        *calls: each the name of a tool, or its name and its arguments; their ids are ``call_1``, ``call_2``
            and so on.
        content: what the model says besides.
    """
    import json  # five milliseconds that most workflows never need

    asked = [(call, {}) if isinstance(call, str) else call for call in calls]
    return {
        "content": content,
        "tool_calls": [
            ChatCall(
                id=f"call_{number}",
                type="function",
                function={"name": name, "arguments": json.dumps(arguments, ensure_ascii=False)},
            )
            for number, (name, arguments) in enumerate(asked, 1)
        ],
    }
