"""Reading what a step does: one reader for each kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from agent_runtime.loading.form import Form, read_arguments
from agent_runtime.loading.nodes import Notes
from agent_runtime.workflow import Action, FunctionCall, RunsOn, ToolCall, WorkflowCall

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


def _read_agent(form: Form, notes: Notes) -> Action | None:
    from agent_runtime.loading.agents import read_agent  # a tenth of what importing all this may take

    return read_agent(form, notes)


READERS: Mapping[str, Callable[[Form, Notes], Action | None]] = {
    "agent": _read_agent,
    "function": _read_function,
    "tool": _read_tool,
    "workflow": _read_workflow,
}
"""By the key that says what a step does; steps inside steps are read where steps are read."""
