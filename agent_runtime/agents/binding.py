"""Agent steps and what the host gives them: every name checked before a run, with its place in the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from agent_runtime.agents.calls import BoundTool
from agent_runtime.agents.loop import BoundAgent
from agent_runtime.errors import ToolSignatureError
from agent_runtime.loading import Notes, every_step, generator_hint, nearest, shown
from agent_runtime.steps import Callee, is_async
from agent_runtime.tools import Tool, describe, wire_name
from agent_runtime.workflow import AgentCall, AgentTool, Step, Workflow

__all__ = ("Binder",)

Registered = Mapping[str, Callable[..., object]]


class Binder:
    """Binds the agent steps of some workflows; what is wrong with them is noted.

    Args:
        functions: the registered functions, for hints.
        tools: the registered tools.
    """

    def __init__(self, functions: Registered, tools: Registered) -> None:
        self._functions = functions
        self._tools = tools
        self._described: dict[str, Tool] = {}
        # By identity: two steps may say the same, in two files, and these calls outlive this.
        self._bound: dict[int, BoundAgent] = {}

    def bind(self, workflow: Workflow, notes: Notes) -> None:
        """Bind every agent step of a workflow that asks for more than one question."""
        for step in every_step(workflow.steps):
            call = step.action
            if not isinstance(call, AgentCall):
                continue
            if not call.messages and call.scenario is not None:
                prompt = shown(call.scenario)
                message = f"{_who(step)} has no 'messages', and no prompt '{prompt}' is registered"
                notes.add(call.position, message, "add 'messages: ...'")
            if _asks_for_more(call):
                self._bound[id(call)] = BoundAgent.of(call, list(self._tools_of(step, call, notes)))

    def agent_of(self, call: AgentCall) -> BoundAgent | None:
        """Return what performs an agent step, if it asks for more than one question."""
        return self._bound.get(id(call))

    def _tools_of(self, step: Step, call: AgentCall, notes: Notes) -> Iterator[BoundTool]:
        seen: dict[str, str] = {}
        for said in call.tools:
            fn = self._tools.get(said.name)
            if fn is None:
                self._note_unknown(step, said, notes)
                continue
            other = seen.setdefault(wire_name(said.name), said.name)
            if other != said.name:
                message = (
                    f"{_who(step)}: a model cannot tell the tools '{other}' and '{shown(said.name)}' apart"
                )
                notes.add(said.position, message, f"both are written '{wire_name(other)}'; register one anew")
            told = self._told(step, said, fn, notes)
            if told is not None:
                yield BoundTool(said, told, Callee(fn, is_async(fn)), said.on_error or call.on_tool_error)

    def _told(self, step: Step, said: AgentTool, fn: Callable[..., object], notes: Notes) -> Tool | None:
        if said.name in self._described:
            return self._described[said.name]
        hint = generator_hint(fn)
        if hint is not None:
            message = f"{_who(step)} names the tool '{shown(said.name)}', which is a generator function"
            notes.add(said.position, message, hint)
            return None
        try:
            tool = self._described[said.name] = describe(said.name, fn)
        except ToolSignatureError as error:
            notes.add(said.position, f"{_who(step)}: {error}")
            return None
        return tool

    def _note_unknown(self, step: Step, said: AgentTool, notes: Notes) -> None:
        name = shown(said.name)
        if said.name in self._functions:
            hint = f"it is registered as a function: pass tools={{'{name}': ...}}"
        else:
            hint = nearest(said.name, self._tools) or f"pass tools={{'{name}': ...}}"
        notes.add(said.position, f"{_who(step)} names the tool '{name}', which is not registered", hint)


def _asks_for_more(call: AgentCall) -> bool:
    return bool(call.tools) or call.answer is not None


def _who(step: Step) -> str:
    return f"the agent in step '{shown(step.id)}'"
