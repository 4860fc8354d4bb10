"""Agent steps and what the host gives them: every name checked before a run, with its place in the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from agent_runtime.agents.bound_prompts import BoundPrompt, BoundPrompts
from agent_runtime.agents.loop import BoundAgent
from agent_runtime.agents.prompts import PromptRegistry
from agent_runtime.agents.tool_calls import BoundTool
from agent_runtime.engine.steps import Callee, is_async
from agent_runtime.errors import ToolSignatureError
from agent_runtime.loading import NO_ARGUMENTS, Notes, every_step, generator_hint, nearest, shown
from agent_runtime.memory import MemoryStore, RunConversations
from agent_runtime.tools import Tool, describe_tool, wire_name
from agent_runtime.workflow.agent_options import AgentTool
from agent_runtime.workflow.model import AgentCall, Step, Workflow

__all__ = ("Binder",)

Registered = Mapping[str, Callable[..., object]]


class Binder:
    """Binds the agent steps of some workflows; what is wrong with them is noted.

    Args:
        functions: the registered functions, for hints.
        tools: the registered tools.
        prompts: the registered prompts, if there are any.
        store: what keeps conversations that outlive a run, if there is any.
    """

    def __init__(
        self,
        functions: Registered,
        tools: Registered,
        prompts: PromptRegistry | None,
        store: MemoryStore | None,
    ) -> None:
        self._functions = functions
        self._tools = tools
        self._prompts = None if prompts is None else BoundPrompts(prompts)
        self._store = store
        self._remembers = False
        self._described: dict[str, Tool] = {}
        # By identity: two steps may say the same, in two files, and these calls outlive this.
        self._bound: dict[int, BoundAgent] = {}

    def bind(self, workflow: Workflow, notes: Notes) -> None:
        """Bind every agent step of a workflow that asks for more than one question."""
        for step in every_step(workflow.steps):
            call = step.action
            if not isinstance(call, AgentCall):
                continue
            prompt = self._prompt_of(step, call, notes)
            if prompt is not None:
                call = call._replace(version=prompt.version)
            self._check_memory(step, call, notes)
            if prompt is not None or call.tools or call.answer is not None or call.memory is not None:
                tools = list(self._tools_of(step, call, notes))
                self._bound[id(step.action)] = BoundAgent.of(call, tools, prompt, self._store)

    def new_memory(self) -> Callable[[], RunConversations] | None:
        """Return what makes the conversations of one run; None if no agent goes on with any."""
        return RunConversations if self._remembers else None

    def agent_of(self, call: AgentCall) -> BoundAgent | None:
        """Return what performs an agent step, if it asks for more than one question."""
        return self._bound.get(id(call))

    def _prompt_of(self, step: Step, call: AgentCall, notes: Notes) -> BoundPrompt | None:
        """Return the prompt that a step names; without a registry, its name is for the client alone."""
        if self._prompts is not None and call.scenario is not None:
            return self._prompts.bind(_who(step), call, notes)
        if not call.messages and call.scenario is not None:
            message = f"{_who(step)} has no 'messages', and the host has given no prompts"
            notes.add(call.position, message, "pass Options(prompts=...), or add 'messages: ...'")
        elif call.arguments != NO_ARGUMENTS:
            message = f"{_who(step)} gives inputs to a prompt, and names none that there is"
            notes.add(call.position, message, "remove 'with', or name a prompt and pass Options(prompts=...)")
        return None

    def _check_memory(self, step: Step, call: AgentCall, notes: Notes) -> None:
        if call.memory is None:
            return
        if call.memory.key is None:
            self._remembers = True
        elif self._store is None:
            message = f"{_who(step)} keeps a conversation under a key, and the host has given no store for it"
            notes.add(call.memory.position, message, "pass Options(memory=InMemoryStore()), or remove 'key'")

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
            tool = self._described[said.name] = describe_tool(said.name, fn)
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


def _who(step: Step) -> str:
    return f"the agent in step '{shown(step.id)}'"
