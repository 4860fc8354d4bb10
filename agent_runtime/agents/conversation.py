"""The conversation that an agent step goes on with: read before it asks, saved when it has an answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple

from agent_runtime.engine.scope import StepValues
from agent_runtime.engine.steps import Surroundings
from agent_runtime.errors import MemoryConflictError
from agent_runtime.expressions import Reference, Template, Values, references_of, render
from agent_runtime.memory import Conversation, Exchange, MemoryStore, windowed
from agent_runtime.workflow.agent_options import MemorySpec

__all__ = ("SUMMARY", "Recollection", "recall", "save", "transcript")

ChatMessage = Mapping[str, object]
Summarise = Callable[[Sequence[ChatMessage]], Awaitable[ChatMessage | None]]

SUMMARY = (
    "Sum up the conversation so far in a few sentences, for yourself, to go on with it."
    " Keep names, numbers, decisions and open questions."
)
TRIES = 100
"""How often it is tried to save what others change at the same time; a guess. Each time, one wins."""


class Recollection(NamedTuple):
    """A conversation that a step has read.

    Attributes:
        spec: what the file says.
        key: under which it is kept.
        conversation: what had been said.
    """

    spec: MemorySpec
    key: str
    conversation: Conversation

    async def exchange(self, said: Sequence[ChatMessage], summarise: Summarise) -> Exchange:
        """Return what the step adds to it; asks the model to sum it up, if it has become too long.

        Raises:
            BaseException: the client raised it.
        """
        messages = [*self.conversation.messages, *said]
        summary, summed_up = self.spec.summary, None
        if summary is not None and len(messages) > summary.after:
            recent = windowed(messages, summary.keep) if summary.keep else []
            asked = await summarise(messages[: len(messages) - len(recent)])
            summed_up = None if asked is None else [asked, *recent]
        return Exchange(self.key, said, self.conversation.version, summed_up, self.spec.window)


async def recall(
    spec: MemorySpec, values: Values, around: Surroundings, store: MemoryStore | None
) -> Recollection:
    """Read the conversation of a step.

    Raises:
        ReferenceValueError: its key cannot be resolved, or is empty.
    """
    if spec.key is None:
        assert around.conversations is not None  # binding has seen to it, and to the store
        return Recollection(spec, spec.name, around.conversations.load(spec.name))
    assert store is not None
    key = f"{spec.name}/key/{_key(spec.key, values)}"
    return Recollection(spec, key, await store.load(key))


async def save(exchange: Exchange, recalled: Recollection, step: str, store: MemoryStore) -> None:
    """Add an exchange to a conversation that outlives the run.

    Raises:
        MemoryConflictError: others have changed it each time.
    """
    conversation = recalled.conversation
    for _ in range(TRIES):
        if await store.save(exchange.key, exchange.onto(conversation), version=conversation.version):
            return
        conversation = await store.load(exchange.key)
    raise MemoryConflictError(step, exchange.key, TRIES)


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
