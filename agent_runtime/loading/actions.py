"""Reading what a step does: one reader for each kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from agent_runtime.expressions import Constant
from agent_runtime.loading.form import Form, read_arguments
from agent_runtime.loading.keys import KEYS
from agent_runtime.loading.nodes import Notes, Pairs
from agent_runtime.workflow.model import Action, Approval, FunctionCall, RunsOn, ToolCall, WorkflowCall

__all__ = ("READERS",)


def _read_function(form: Form, _notes: Notes) -> Action | None:
    name, arguments = form.text("function"), read_arguments(form)
    runs_on = form.word("thread", RunsOn) or RunsOn.CALLER
    return None if name is None else FunctionCall(name, arguments, runs_on, form.at("function"))


def _read_tool(form: Form, _notes: Notes) -> Action | None:
    name, arguments = form.text("tool"), read_arguments(form)
    runs_on = form.word("thread", RunsOn) or RunsOn.CALLER
    return None if name is None else ToolCall(name, arguments, runs_on, form.at("tool"))


def _read_workflow(form: Form, _notes: Notes) -> Action | None:
    name, arguments = form.text("workflow"), read_arguments(form)
    return None if name is None else WorkflowCall(name, arguments, form.at("workflow"))


def _read_approval(form: Form, notes: Notes) -> Action | None:
    node = form.node("approval")
    if node is None:
        return None
    if isinstance(node, Pairs):
        own = Form(node, notes, owner=f"'approval' of {form.owner}", keys=KEYS["approval"])
        message, options = own.text_template("message"), _read_options(own, notes)
    else:
        message, options = form.text_template("approval"), _OPTIONS
    return None if message is None else Approval(message, options, form.at("approval"))


def _read_options(form: Form, notes: Notes) -> tuple[str, ...]:
    if "options" not in form:
        return _OPTIONS
    options = tuple(dict.fromkeys(name for name, _ in form.names("options", of="texts")))
    if len(options) < 2:
        notes.add(form.at("options"), f"'options' in {form.owner} must be two texts at least")
    return options


def _read_agent(form: Form, notes: Notes) -> Action | None:
    from agent_runtime.loading.agents import read_agent  # a tenth of what importing all this may take

    return read_agent(form, notes)


_OPTIONS = Approval(Constant("")).options

READERS: Mapping[str, Callable[[Form, Notes], Action | None]] = {
    "agent": _read_agent,
    "approval": _read_approval,
    "function": _read_function,
    "tool": _read_tool,
    "workflow": _read_workflow,
}
"""By the key that says what a step does; steps inside steps are read where steps are read."""
