"""The conversation that an agent step goes on with: read before it asks, saved when it has an answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple

from agent_runtime.agent_specs import MemorySpec
from agent_runtime.engine.scope import StepValues
from agent_runtime.errors import MemoryConflictError
from agent_runtime.memory import Conversation, MemoryStore
from agent_runtime.references import Reference, Template, Values, references_of, render

__all__ = ("SUMMARY", "Recollection", "recall", "transcript", "windowed")

ChatMessage = Mapping[str, object]
Summarise = Callable[[Sequence[ChatMessage]], Awaitable[ChatMessage]]

SUMMARY = (
    "Sum up the conversation so far in a few sentences, for yourself, to go on with it."
    " Keep names, numbers, decisions and open questions."
)
TRIES = 100
"""How often it is tried to save what others change at the same time; a guess. Each time, one wins."""


class Recollection(NamedTuple):
    """A conversation that a step has read.

    Attributes:
        step: the step, for messages.
        spec: what the file says.
        store: what keeps it.
        key: under which.
        conversation: what had been said.
    """

    step: str
    spec: MemorySpec
    store: MemoryStore
    key: str
    conversation: Conversation

    async def add(self, said: Sequence[ChatMessage], summarise: Summarise) -> None:
        """Save what has been said since; what others have said meanwhile stays, before it.

        Raises:
            MemoryConflictError: others have changed it each time.
        """
        messages = [*self.conversation.messages, *said]
        if self.spec.summary is not None and len(messages) > self.spec.summary.after:
            keep = self.spec.summary.keep
            recent = windowed(messages, keep) if keep else []
            messages = [await summarise(messages[: len(messages) - len(recent)]), *recent]
        conversation = self.conversation
        for _ in range(TRIES):
            if await self.store.save(self.key, self._within(messages), version=conversation.version):
                return
            conversation = await self.store.load(self.key)
            messages = [*conversation.messages, *said]  # whoever comes next sums it up
        raise MemoryConflictError(self.step, self.key, TRIES)

    def _within(self, messages: list[ChatMessage]) -> Sequence[ChatMessage]:
        return messages if self.spec.window is None else windowed(messages, self.spec.window)


async def recall(
    spec: MemorySpec, step: str, run_id: str, values: Values, store: MemoryStore
) -> Recollection:
    """Read the conversation of a step.

    Raises:
        ReferenceValueError: its key cannot be resolved, or is empty.
    """
    whose = f"run/{run_id}" if spec.key is None else f"key/{_key(spec.key, values)}"
    key = f"{spec.name}/{whose}"
    return Recollection(step, spec, store, key, await store.load(key))


def _key(template: Template, values: Values) -> str:
    """Return whose conversation it is: everybody for whom there is no value would share one."""
    assert isinstance(values, StepValues)
    for reference in references_of(template):
        _check_key(reference, values)
    return str(render(template, values))


def _check_key(reference: Reference, values: StepValues) -> None:
    value = values.value_of(reference)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        found = "empty" if value in ("", None) else type(value).__name__
        raise values.failed(
            reference, f"the key of a memory is made of texts and numbers, and this is {found}"
        )


def windowed(messages: Sequence[ChatMessage], most: int) -> list[ChatMessage]:
    """Return the last messages, not more than these; none of them answers a call that is left out."""
    start = max(len(messages) - most, 0)
    while start < len(messages) and messages[start].get("role") == "tool":
        start += 1
    return list(messages[start:])


def transcript(messages: Sequence[ChatMessage]) -> str:
    """Return a conversation as one text."""
    return "\n".join(_line(message) for message in messages)


def _line(message: ChatMessage) -> str:
    called = message.get("tool_calls")
    names: list[str] = []
    for call in called if isinstance(called, Sequence) else ():
        function = call.get("function") if isinstance(call, Mapping) else None
        if isinstance(function, Mapping):
            names.append(f"[calls {function.get('name')} with {function.get('arguments')}]")
    content = message.get("content")
    return " ".join([f"{message.get('role')}:", *([] if content is None else [str(content)]), *names])
