"""One attempt of a step of each kind, from its templates to its outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

from agent_runtime.outcomes import Outcome
from agent_runtime.references import Reference, render, to_text
from agent_runtime.steps.agent import ask
from agent_runtime.steps.call import Surroundings, Trace, invoke
from agent_runtime.workflow import AgentCall, FunctionCall, Step

__all__ = ("attempt",)

ValueOf = Callable[[Reference], object]


async def attempt(step: Step, value_of: ValueOf, around: Surroundings, trace: Trace) -> Outcome[object]:
    """Perform a step once; whatever its own code raises is in the outcome.

    Raises:
        ReferenceValueError: a reference of the step cannot be resolved; its code has not run.
    """
    action = step.action
    if isinstance(action, AgentCall):
        messages = [_message(message.role, render(message.content, value_of)) for message in action.messages]
        config = _mapping(render(action.config, value_of))
        return await ask(step.id, action, messages, config, around, trace)
    registered = around.functions if isinstance(action, FunctionCall) else around.tools
    arguments = _mapping(render(action.arguments, value_of))
    return await invoke(registered[action.name], arguments, action.runs_on, around, trace)


def _message(role: str, content: object) -> Mapping[str, object]:
    """Make one message; its content is text, unless the file says a list of parts."""
    return {"role": role, "content": content if isinstance(content, list) else to_text(content)}


def _mapping(value: object) -> dict[str, object]:
    return cast("dict[str, object]", value)  # loading lets nothing but mappings stand here
