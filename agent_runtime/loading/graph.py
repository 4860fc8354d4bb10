"""What waits for what: every reference checked, dependencies filled in, cycles found."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from agent_runtime.expressions import Path, Reference, Root, Template, references_of
from agent_runtime.loading.cycles import find_cycles
from agent_runtime.loading.form import nearest, shown
from agent_runtime.loading.nodes import Notes
from agent_runtime.workflow.model import (
    AgentCall,
    Approval,
    Block,
    FunctionCall,
    InputSpec,
    Need,
    Position,
    Step,
    ToolCall,
)

__all__ = ("STEP_FIELDS", "Wiring", "connect", "references_in")

STEP_FIELDS = ("output", "state", "error", "errors")
"""What can follow ``steps.<id>.`` in a reference."""

_Locals = frozenset[Root]

_NO_LOCALS: _Locals = frozenset()
_WHERE = {
    Root.ITEM: "in a step with 'for_each'",
    Root.INDEX: "in a step with 'for_each' or 'repeat'",
    Root.OUTPUT: "under 'compensate', and in a step with 'repeat'",
    Root.ERROR: "under 'fallback' and 'compensate'",
    Root.SECRETS: "under 'with' of a step with 'function' or 'tool'",
}
"""Where the words that are not known everywhere have a meaning."""


def _of_action(step: Step) -> Iterator[Template]:
    """Yield the templates of what a step does, without those of steps inside it."""
    action = step.action
    if isinstance(action, AgentCall):
        yield from (action.config, action.arguments)
        yield from (message.content for message in action.messages)
        if action.memory is not None and action.memory.key is not None:
            yield action.memory.key
    elif isinstance(action, Approval):
        yield action.message
    elif not isinstance(action, Block):
        yield action.arguments


def _around(step: Step) -> Iterator[Template]:
    """Yield what is evaluated before a step is done, or done for its first item."""
    if step.when is not None:
        yield step.when
    if step.for_each is not None:
        yield step.for_each.items


def _between(step: Step) -> Iterator[Template]:
    """Yield what is evaluated between the times that a step is repeated."""
    if step.repeat is not None:
        yield from (each for each in (step.repeat.until, step.repeat.while_) if each is not None)


def references_in(step: Step) -> Iterator[Reference]:
    """Yield every reference of a step and of the steps inside it."""
    for template in (*_around(step), *_between(step), *_of_action(step)):
        yield from references_of(template)
    inside = step.action.steps if isinstance(step.action, Block) else ()
    for inner in (*inside, step.fallback, step.compensate):
        if inner is not None:
            yield from references_in(inner)


def connect(steps: Sequence[Step], inputs: Mapping[str, InputSpec] | None, notes: Notes) -> tuple[Step, ...]:
    """Check ids, ``needs`` and references; return the steps with ``depends_on`` filled in.

    Args:
        steps: as they were read.
        inputs: the declared inputs, or None when any input is taken.
        notes: where mistakes go.
    """
    return Wiring(inputs, notes).steps(steps, {}, _NO_LOCALS)[0]


class Wiring:
    """The references of one workflow, checked against what there is to refer to.

    Args:
        inputs: the declared inputs, or None when any input is taken.
        notes: where mistakes go.
    """

    def __init__(self, inputs: Mapping[str, InputSpec] | None, notes: Notes) -> None:
        self._inputs = inputs
        self._notes = notes

    def steps(
        self, steps: Sequence[Step], outer: Mapping[str, Step], local: _Locals
    ) -> tuple[tuple[Step, ...], list[str]]:
        """Connect the steps of one list; return them, and the steps around it that they refer to."""
        own = self._unique_ids(steps, outer)
        known = {**outer, **own} if outer else own
        connected, outside = [], []
        for step in steps:
            needed = dict.fromkeys(need.step for need in step.needs if self._is_known(need, step, own))
            wired, names = self._step(step, known, local)
            needed.update(dict.fromkeys(name for name in names if name in own))
            outside += [name for name in names if name not in own]
            connected.append(dataclasses.replace(wired, depends_on=tuple(needed)))
        find_cycles(connected, self._notes)
        return tuple(connected), outside

    def names_in(
        self, template: Template, owner: str, known: Mapping[str, Step], local: _Locals = _NO_LOCALS
    ) -> Iterator[str]:
        """Yield the ids of the steps that a template refers to; note what does not exist."""
        for reference in references_of(template):
            for path in reference.paths():
                yield from self._path(path, reference, owner, known, local)

    def _step(self, step: Step, known: Mapping[str, Step], local: _Locals) -> tuple[Step, list[str]]:
        owner = f"step '{shown(step.id)}'"
        inside = local
        if step.for_each is not None:
            inside |= {Root.ITEM, Root.INDEX}
        if step.repeat is not None:
            inside |= {Root.INDEX, Root.OUTPUT}
        names: list[str] = []
        takes_secrets = isinstance(step.action, FunctionCall | ToolCall)
        for templates, there in (
            (_around(step), local),
            (_between(step), inside),
            (_of_action(step), inside | {Root.SECRETS} if takes_secrets else inside),
        ):
            for template in templates:
                names += self.names_in(template, owner, known, there)
        changes: dict[str, object] = {}
        if isinstance(step.action, Block):
            inner, used = self.steps(step.action.steps, known, inside)
            changes["action"] = dataclasses.replace(step.action, steps=inner)
            names += used
            self._check_independence(step.action, inner)
        for key, also in (("fallback", {Root.ERROR}), ("compensate", {Root.ERROR, Root.OUTPUT})):
            standby: Step | None = getattr(step, key)
            if standby is not None:
                changes[key], used = self._step(standby, known, inside | also)
                names += self._without_itself(used, step, standby)
        return (dataclasses.replace(step, **changes) if changes else step), names  # type: ignore[arg-type]  # keys and values are a Step's

    def _check_independence(self, block: Block, steps: Iterable[Step]) -> None:
        for step in steps if block.independent else ():
            if step.depends_on:
                message = f"step '{shown(step.id)}' waits for '{shown(step.depends_on[0])}' under 'parallel'"
                hint = "write 'steps' in the place of 'parallel', or remove the reference"
                self._notes.add(step.position, message, hint)

    def _without_itself(self, names: Iterable[str], step: Step, standby: Step) -> Iterator[str]:
        for name in names:
            if name != step.id:
                yield name
            elif standby is step.compensate:
                message = f"what compensates step '{shown(name)}' refers to that step"
                self._notes.add(standby.position, message, "write '${output}' for its output")
            else:
                message = f"the fallback of step '{shown(name)}' refers to that step"
                self._notes.add(standby.position, message, "write '${error.message}' for what went wrong")

    def _unique_ids(self, steps: Sequence[Step], outer: Mapping[str, Step]) -> dict[str, Step]:
        known: dict[str, Step] = {}
        for step in steps:
            first = known.setdefault(step.id, step)
            if first is not step or step.id in outer:
                line = outer.get(step.id, first).position.line
                where = f"the first is in line {line}" if line is not None else "give each step its own id"
                self._notes.add(step.position, f"a second step has the id '{shown(step.id)}'", where)
        return known

    def _is_known(self, need: Need, step: Step, known: Mapping[str, Step]) -> bool:
        if need.step in known:
            return True
        message = f"step '{shown(step.id)}' needs '{shown(need.step)}', and there is no such step"
        self._notes.add(need.position, message, _hint(need.step, known))
        return False

    def _path(
        self, path: Path, reference: Reference, owner: str, known: Mapping[str, Step], local: _Locals
    ) -> Iterator[str]:
        position = _position(reference, path)
        if path.root in _WHERE:
            if path.root not in local:
                word = path.root.value
                message = f"{owner} refers to '{word}', which means nothing here"
                self._notes.add(position, message, f"it can be used {_WHERE[path.root]}")
            elif path.root is Root.SECRETS and (reference.node is not path or len(path.keys) > 1):
                message = f"{owner} looks into the secret '{shown(str(path.keys[0]))}', or compares it"
                self._notes.add(position, message, "a secret can only be handed on as it is: ${secrets.name}")
            return
        name = str(path.keys[0])
        if path.root is Root.INPUTS:
            if self._inputs is not None and name not in self._inputs:
                message = f"{owner} refers to the input '{shown(name)}', which is not declared"
                self._notes.add(position, message, _hint(name, self._inputs, "declare it under 'inputs'"))
        elif name not in known:
            message = f"{owner} refers to the step '{shown(name)}', and there is no such step"
            self._notes.add(position, message, _hint(name, known))
        else:
            _check_field(path, owner, position, self._notes)
            yield name


def _hint(name: str, known: Iterable[str], otherwise: str = "") -> Callable[[], str]:
    return lambda: nearest(name, known) or otherwise


def _check_field(path: Path, owner: str, position: Position, notes: Notes) -> None:
    name = shown(str(path.keys[0]))
    if len(path.keys) == 1:
        notes.add(position, f"{owner} refers to the step '{name}' as a whole", f"write 'steps.{name}.output'")
    elif path.keys[1] not in STEP_FIELDS:
        field = shown(str(path.keys[1]))
        hint = nearest(field, STEP_FIELDS, lead="write") or f"write 'steps.{name}.output.{field}'"
        fields = f"{', '.join(STEP_FIELDS[:-1])} and {STEP_FIELDS[-1]}"
        message = f"{owner} refers to '{field}' of the step '{name}', which has only {fields}"
        notes.add(position, message, hint)


def _position(reference: Reference, path: Path) -> Position:
    """Return where a path stands; inside a reference of one line that can be counted."""
    if reference.line is None or reference.column is None or "\n" in reference.text:
        return Position(reference.line, reference.column)
    return Position(reference.line, reference.column + path.offset - reference.start)
