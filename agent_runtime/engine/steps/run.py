"""One attempt of a step of each kind, from its templates to its outcome."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import Any, cast

from agent_runtime.engine.steps.agent import ask
from agent_runtime.engine.steps.context import Agent, Surroundings
from agent_runtime.engine.steps.invocation import invoke
from agent_runtime.engine.steps.trace import Trace
from agent_runtime.expressions import Reference, Values, render
from agent_runtime.outcomes import Outcome
from agent_runtime.workflow.model import AgentCall, FunctionCall, Message, Step, ToolCall

__all__ = ("attempt", "message_of")


def attempt(
    step: Step, values: Values, around: Surroundings, trace: Trace, agent: Agent | None = None
) -> Coroutine[Any, Any, Outcome[object]]:
    """Perform a step once; whatever its own code raises is in the outcome.

    Args:
        step: what to do.
        values: what its references stand for.
        around: what the steps of the run share.
        trace: where it is noted what happens.
        agent: what performs an agent step that asks for more than one question.

    Raises:
        ReferenceValueError: a reference of the step cannot be resolved; its code has not run.
    """
    action = step.action
    if agent is not None:
        return agent.perform(step.id, values, around, trace)
    if isinstance(action, AgentCall):
        messages = [message_of(message, values) for message in action.messages]
        config = _mapping(render(action.config, values))
        return ask(step.id, action, messages, config, around, trace)
    if isinstance(action, FunctionCall):
        callee = around.functions[action.name]
    else:
        assert isinstance(action, ToolCall)  # steps inside steps are the engine's
        callee = around.tools[action.name]
    arguments = _mapping(render(action.arguments, values))
    return invoke(callee, arguments, action.runs_on, around, trace)


def message_of(message: Message, values: Values) -> Mapping[str, object]:
    """Make one message; its content is text, unless it is a list of parts."""
    content = render(message.content, values)
    if isinstance(message.content, Reference) and not isinstance(content, list):
        content = values.text_of(message.content)
    return {"role": message.role, "content": content}


def _mapping(value: object) -> dict[str, object]:
    return cast("dict[str, object]", value)  # loading lets nothing but mappings stand here
