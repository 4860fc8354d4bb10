"""What an agent step adds to a conversation, as a value; and the conversations that live as long as a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from agent_runtime.memory.store import Conversation

__all__ = ("Exchange", "RunConversations", "windowed")

ChatMessage = Mapping[str, object]


class Exchange(NamedTuple):
    """What one step adds to a conversation; values of JSON, nothing else.

    Attributes:
        key: of the conversation.
        said: the step's own messages, its calls of tools with their results, and the answer.
        base: version of the conversation that the step had read.
        summed_up: the whole conversation, with this, where the model has summed it up; else None.
        window: how many of the last messages are kept; None means all.
    """

    key: str
    said: Sequence[ChatMessage]
    base: int
    summed_up: Sequence[ChatMessage] | None
    window: int | None

    def onto(self, conversation: Conversation) -> Sequence[ChatMessage]:
        """Return the messages of a conversation that this is added to.

        What others have said since the step had read it stays, before this; whoever comes next sums it up.
        """
        if self.summed_up is not None and self.base == conversation.version:
            messages = self.summed_up
        else:
            messages = [*conversation.messages, *self.said]
        return messages if self.window is None else windowed(messages, self.window)


class RunConversations:
    """The conversations of one run; on its loop only.

    They follow from the exchanges and their order alone: who adds the same has the same conversations.
    """

    def __init__(self) -> None:
        self._conversations: dict[str, Conversation] = {}

    def load(self, key: str) -> Conversation:
        """Return what has been said under a key; an empty conversation if nothing has."""
        return self._conversations.get(key, Conversation())

    def restore(self, exchanges: Iterable[Mapping[str, Any]]) -> None:
        """Add exchanges that had been kept, as mappings."""
        for exchange in exchanges:
            self.add(Exchange(**exchange))

    def add(self, exchange: Exchange) -> None:
        """Add an exchange."""
        before = self.load(exchange.key)
        self._conversations[exchange.key] = Conversation(exchange.onto(before), before.version + 1)


def windowed(messages: Sequence[ChatMessage], most: int) -> Sequence[ChatMessage]:
    """Return the last messages, not more than these; none of them answers a call that is left out."""
    start = max(len(messages) - most, 0)
    while start < len(messages) and messages[start].get("role") == "tool":
        start += 1
    return list(messages[start:])
