"""The prompt that an agent step names: found, checked against what the step gives to it, and filled in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, cast

from agent_runtime.agents.prompts import Prompt, PromptRegistry, read_prompt
from agent_runtime.engine.scope import RunScope, StepValues
from agent_runtime.engine.steps import message_of
from agent_runtime.errors import StepInputError, WorkflowError
from agent_runtime.expressions import Constant, Pairs, Values, render
from agent_runtime.loading import Notes, Source, fits, nearest, shown
from agent_runtime.workflow.model import AgentCall

__all__ = ("BoundPrompt", "BoundPrompts")


class BoundPrompt(NamedTuple):
    """A prompt, and what a step gives to it.

    Attributes:
        version: its version, also where the step names none.
        prompt: the prompt.
        arguments: the values of its inputs.
    """

    version: str
    prompt: Prompt
    arguments: Pairs

    def messages(self, step: str, values: Values) -> list[Mapping[str, object]]:
        """Fill it in.

        Raises:
            StepInputError: a value is not what the prompt declares.
            ReferenceValueError: a reference of the step or of the prompt cannot be resolved.
        """
        given = cast("dict[str, object]", render(self.arguments, values))
        problems = ()
        try:
            inputs = self.prompt.bind(given)
        except WorkflowError as error:
            problems = error.problems  # type: ignore[assignment]  # one or more
        if problems:
            raise StepInputError(step, problems)
        file = self.prompt.file
        own = StepValues(RunScope(inputs, {}, file), step, file)
        return [message_of(message, own) for message in self.prompt.messages]


class BoundPrompts:
    """The prompts that the agents of some workflows name, each read once.

    Args:
        registry: the prompts that there are.
    """

    def __init__(self, registry: PromptRegistry) -> None:
        self._registry = registry
        self._read: dict[tuple[str, str], Prompt | None] = {}

    def bind(self, who: str, call: AgentCall, notes: Notes) -> BoundPrompt | None:
        """Return the prompt that a step names; note what there is instead."""
        assert call.scenario is not None
        version = self._version_of(who, call.scenario, call, notes)
        if version is None:
            return None
        prompt = self._prompt(who, call, call.scenario, version, notes)
        if prompt is None:
            return None
        assert isinstance(call.arguments, Pairs)
        _check_inputs(who, call, call.arguments, prompt, notes)
        return BoundPrompt(version, prompt, call.arguments)

    def _version_of(self, who: str, scenario: str, call: AgentCall, notes: Notes) -> str | None:
        there = self._registry.versions(scenario)
        name = shown(scenario)
        if not there:
            known = self._registry.scenarios()
            hint = nearest(scenario, known) or f"there {_listed(known)}"
            notes.add(
                call.scenario_position, f"{who} names the prompt '{name}', which is not registered", hint
            )
            return None
        if call.version is None:
            if len(there) == 1:
                return there[0]
            message = f"{who} does not say which version of the prompt '{name}' it means"
            notes.add(call.scenario_position, message, f"add 'version': there {_listed(there)}")
            return None
        if call.version not in there:
            message = (
                f"{who} names version '{shown(call.version)}' of the prompt '{name}', which there is not"
            )
            notes.add(call.version_position, message, f"there {_listed(there)}")
            return None
        return call.version

    def _prompt(self, who: str, call: AgentCall, scenario: str, version: str, notes: Notes) -> Prompt | None:
        key = scenario, version
        if key in self._read:
            return self._read[key]
        self._read[key] = None
        name = f"version '{shown(version)}' of the prompt '{shown(scenario)}'"
        try:
            source = self._registry.source_of(scenario, version)
        except WorkflowError as error:
            (problem,) = error.problems
            notes.add(call.scenario_position, f"{who} names {name}: {problem.message}", problem.hint)
            return None
        own = Notes(
            source.file if isinstance(source, Source) else f"<prompt {shown(scenario)} {shown(version)}>"
        )
        notes.adopt(own)
        self._read[key] = read_prompt(source, name, own)
        return self._read[key]


def _check_inputs(who: str, call: AgentCall, arguments: Pairs, prompt: Prompt, notes: Notes) -> None:
    """Note what a step gives that its prompt does not take, and what it does not give."""
    given = dict(arguments.pairs)
    for name, value in given.items():
        spec = prompt.inputs.get(name)
        if spec is None:
            hint = nearest(name, prompt.inputs) or "leave it out, or use it there"
            notes.add(
                call.position, f"{who} gives '{shown(name)}' to {prompt.name}, which has no such input", hint
            )
        elif isinstance(value, Constant) and not fits(value.value, spec.type):
            message = f"{who} names {prompt.name}, whose input '{name}' is of the type {spec.type.value}"
            notes.add(call.position, message, "give a value of that type")
    for name, spec in prompt.inputs.items():
        if spec.required and name not in given:
            notes.add(
                call.position,
                f"{who} names {prompt.name} without its input '{name}'",
                f"add '{name}' under 'with'",
            )


def _listed(names: list[str]) -> str:
    if not names:
        return "is none"
    listed = ", ".join(f"'{shown(name)}'" for name in names[:20])
    return f"{'is' if len(names) == 1 else 'are'} {listed}{', ...' if len(names) > 20 else ''}"
