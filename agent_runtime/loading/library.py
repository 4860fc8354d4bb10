"""The workflows that a workflow runs: found by name or under one folder, loaded once, checked like it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, runtime_checkable

from agent_runtime.errors import WorkflowError
from agent_runtime.expressions import Constant, Pairs
from agent_runtime.loading.form import nearest, shown
from agent_runtime.loading.nodes import Notes
from agent_runtime.loading.source import TEXT_NAME, Source, read_source, read_under
from agent_runtime.loading.values import fits
from agent_runtime.workflow.model import Block, InputSpec, Step, Workflow, WorkflowCall

__all__ = ("Library", "every_step")

MAX_WORKFLOWS = 1_000
"""Files that one workflow may lead to; a guess."""

Registered = Mapping[str, Workflow | str | os.PathLike[str]]


def every_step(steps: Sequence[Step]) -> Iterator[Step]:
    """Yield all steps, also those inside others and those that stand by for others."""
    for step in steps:
        yield step
        inside = step.action.steps if isinstance(step.action, Block) else ()
        standing_by = (each for each in (step.fallback, step.compensate) if each is not None)
        yield from every_step((*inside, *standing_by))


@runtime_checkable
class Parse(Protocol):
    """How a source becomes a workflow."""

    def __call__(self, source: Source, /) -> tuple[Workflow | None, Notes]:
        """Parse it; what is wrong is in the notes."""


class Library:
    """Every workflow that one workflow leads to.

    Args:
        registered: workflows by name.
        folder: where files may be named, if anywhere.

    Attributes:
        workflows: those found, by key.
    """

    def __init__(self, registered: Registered, folder: str | os.PathLike[str] | None) -> None:
        self._registered = registered
        self._folder = None if folder is None else os.path.realpath(folder)
        self._keys: dict[tuple[str, str], str] = {}
        self.workflows: dict[str, Workflow] = {}
        self._notes: dict[int, Notes] = {}

    def notes_of(self, workflow: Workflow, otherwise: Notes) -> Notes:
        """Return where mistakes of one of these go."""
        return self._notes.get(id(workflow), otherwise)

    def key_of(self, file: str, name: str) -> str:
        """Return the key of the workflow that this name stands for in this file."""
        return self._keys[file, name]

    def callee_of(self, file: str, name: str) -> str | None:
        """Return the same, or None if it stands for none."""
        return self._keys.get((file, name))

    def collect(self, workflow: Workflow, parse: Parse, notes: Notes) -> None:
        """Find and load everything that a workflow leads to; note what cannot be found, or is wrong."""
        waiting = [(workflow, notes)]
        while waiting:
            current, current_notes = waiting.pop()
            for step in every_step(current.steps):
                if not isinstance(step.action, WorkflowCall):
                    continue
                found = self._found(step, step.action, current.file, parse, current_notes)
                if found is not None:
                    callee, own = found
                    if own is not None:
                        notes.adopt(own)
                        self._notes[id(callee)] = own
                        waiting.append((callee, own))
                    _check_inputs(step, step.action, callee.inputs, current_notes)

    def _found(
        self, step: Step, action: WorkflowCall, file: str, parse: Parse, notes: Notes
    ) -> tuple[Workflow, Notes | None] | None:
        """Return what a step runs, with notes of its own if it has been loaded now."""
        key = self._resolve(step, action, file, notes)
        if key is None:
            return None
        self._keys[file, action.name] = key
        if key in self.workflows:
            return self.workflows[key], None
        if len(self.workflows) >= MAX_WORKFLOWS:
            notes.add(action.position, f"this leads to more than {MAX_WORKFLOWS} workflows")
            return None
        return self._load(step, action, key, parse, notes)

    def _load(
        self, step: Step, action: WorkflowCall, key: str, parse: Parse, notes: Notes
    ) -> tuple[Workflow, Notes] | None:
        given = self._registered.get(key)
        if isinstance(given, Workflow):
            self.workflows[key] = given
            return given, Notes(given.file)
        try:
            source = self._read(key) if given is None else read_source(given)
        except WorkflowError as error:
            (problem,) = error.problems
            notes.add(action.position, f"{_who(step, action)}: {problem.message}", problem.hint)
            return None
        if source.file == TEXT_NAME:
            source = Source(source.text, f"<workflow {key}>", key)
        workflow, own = parse(source)
        if workflow is None:
            notes.adopt(own)
            return None
        self.workflows[key] = workflow
        return workflow, own

    def _read(self, path: str) -> Source:
        """Read a file under the folder; links that have come since it was looked at are not followed."""
        assert self._folder is not None
        return read_under(self._folder, path)

    def _resolve(self, step: Step, action: WorkflowCall, file: str, notes: Notes) -> str | None:
        """Return the key of a workflow: its registered name, or the path of its file."""
        name = action.name
        if not name.startswith(("./", "../")):
            if name in self._registered:
                return name
            hint = nearest(name, self._registered) or f"pass Options(workflows={{'{shown(name)}': ...}})"
            if name.endswith((".yaml", ".yml")) and not os.path.isabs(name):
                hint = f"for a file, write './{shown(name)}'"
            notes.add(action.position, f"{_who(step, action)}, which is not registered", hint)
            return None
        if self._folder is None:
            hint = "pass Options(workflow_folder=...), or register it and write its name"
            notes.add(action.position, f"{_who(step, action)}, and no folder of workflows is allowed", hint)
            return None
        beside = self._folder if file.startswith("<") else os.path.dirname(file)
        try:
            path = os.path.realpath(os.path.join(beside, name))
        except (OSError, ValueError) as error:  # a NUL or a lone surrogate in it
            notes.add(action.position, f"{_who(step, action)}, which cannot be a path: {error}")
            return None
        if not _is_under(path, self._folder):
            message = f"{_who(step, action)}, which lies outside of the folder that is allowed"
            notes.add(action.position, message, "register it and write its name")
            return None
        return path


def _is_under(path: str, folder: str) -> bool:
    try:
        return os.path.commonpath((path, folder)) == folder
    except ValueError:  # another drive
        return False


def _who(step: Step, action: WorkflowCall) -> str:
    return f"step '{shown(step.id)}' runs the workflow '{shown(action.name)}'"


def _check_inputs(step: Step, action: WorkflowCall, inputs: Mapping[str, InputSpec], notes: Notes) -> None:
    """Note what a step gives that the workflow does not take, and what it does not give."""
    assert isinstance(action.arguments, Pairs)
    given = dict(action.arguments.pairs)
    who = _who(step, action)
    for name, value in given.items():
        if name not in inputs:
            hint = nearest(name, inputs) or "leave it out, or declare it there under 'inputs'"
            notes.add(action.position, f"{who}, which has no input '{shown(name)}'", hint)
        elif isinstance(value, Constant) and not fits(value.value, inputs[name].type):
            message = f"{who}, whose input '{name}' is of the type {inputs[name].type.value}"
            notes.add(action.position, message, "give a value of that type")
    for name, spec in inputs.items():
        if spec.required and name not in given:
            notes.add(action.position, f"{who} without its input '{name}'", f"add '{name}' under 'with'")
