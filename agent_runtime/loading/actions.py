"""Reading what a step does: one reader for each kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from agent_runtime.loading.form import Form, read_template
from agent_runtime.loading.keys import KEYS
from agent_runtime.loading.nodes import Items, Node, Notes, Pairs, Scalar, kind_of
from agent_runtime.references import Pairs as TemplatePairs
from agent_runtime.references import Template
from agent_runtime.workflow import (
    Action,
    AgentCall,
    FunctionCall,
    Message,
    RunsOn,
    ToolCall,
    WorkflowCall,
)

__all__ = ("READERS",)

_NO_ARGUMENTS = TemplatePairs(())


def _read_function(form: Form, _notes: Notes) -> Action | None:
    name, arguments = form.text("function"), _read_arguments(form)
    runs_on = form.word("thread", RunsOn) or RunsOn.CALLER
    return None if name is None else FunctionCall(name, arguments, runs_on, form.at("function"))


def _read_tool(form: Form, _notes: Notes) -> Action | None:
    name, arguments = form.text("tool"), _read_arguments(form)
    runs_on = form.word("thread", RunsOn) or RunsOn.CALLER
    return None if name is None else ToolCall(name, arguments, runs_on, form.at("tool"))


def _read_workflow(form: Form, _notes: Notes) -> Action | None:
    name, arguments = form.text("workflow"), _read_arguments(form)
    return None if name is None else WorkflowCall(name, arguments, form.at("workflow"))


def _read_arguments(form: Form) -> Template:
    node = form.node("with")
    if node is None or (isinstance(node, Scalar) and node.value is None):
        return _NO_ARGUMENTS
    if not isinstance(node, Pairs):
        form.note(
            "with",
            f"'with' in {form.owner} must be a mapping, not {kind_of(node)}",
            "write 'argument: value'",
        )
        return _NO_ARGUMENTS
    return form.template("with") or _NO_ARGUMENTS


def _read_agent(form: Form, notes: Notes) -> Action | None:
    node = form.node("agent")
    if node is None:
        return None
    agent = Form(node, notes, owner=f"'agent' of {form.owner}", keys=KEYS["agent"])
    if not agent.is_mapping:
        return None
    config = agent.node("config")
    if config is not None and not isinstance(config, Pairs):
        agent.note("config", f"'config' in {agent.owner} must be a mapping, not {kind_of(config)}")
        config = None
    return AgentCall(
        scenario=agent.text("scenario"),
        version=agent.version("version"),
        messages=_read_messages(agent, notes),
        config=_NO_ARGUMENTS if config is None else read_template(config, notes),
    )


def _read_messages(agent: Form, notes: Notes) -> tuple[Message, ...]:
    node = agent.node("messages")
    if node is None:
        return ()
    if not isinstance(node, Items) or not node.items:
        message = f"'messages' in {agent.owner} must be a list with at least one message, not {kind_of(node)}"
        notes.add(node.position, message, "write '- {role: user, content: ...}'")
        return ()
    read = [_read_message(item, agent, notes) for item in node.items]
    return tuple(message for message in read if message is not None)


def _read_message(node: Node, agent: Form, notes: Notes) -> Message | None:
    form = Form(node, notes, owner=f"a message in {agent.owner}", keys=KEYS["message"])
    if not form.is_mapping:
        return None
    role, content = form.text("role"), form.node("content")
    if content is None or role is None:
        return None
    if isinstance(content, Pairs) or (isinstance(content, Scalar) and not isinstance(content.value, str)):
        form.note("content", f"'content' of {form.owner} must be a text or a list, not {kind_of(content)}")
        return None
    return Message(role, read_template(content, notes))


READERS: Mapping[str, Callable[[Form, Notes], Action | None]] = {
    "agent": _read_agent,
    "function": _read_function,
    "tool": _read_tool,
    "workflow": _read_workflow,
}
"""By the key that says what a step does; steps inside steps are read where steps are read."""
