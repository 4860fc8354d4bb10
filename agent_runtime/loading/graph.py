"""What waits for what: every reference checked, dependencies filled in, cycles found."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from agent_runtime.loading.form import nearest, shown
from agent_runtime.loading.nodes import Notes
from agent_runtime.references import Path, Reference, Root, Template, references_of
from agent_runtime.workflow import AgentCall, InputSpec, Need, Position, Step

__all__ = ("STEP_FIELDS", "check_references", "connect", "references_in", "templates_of")

STEP_FIELDS = ("output", "state")
"""What can follow ``steps.<id>.`` in a reference."""


def templates_of(step: Step) -> Iterator[Template]:
    """Yield every template of a step."""
    if step.when is not None:
        yield step.when
    action = step.action
    if isinstance(action, AgentCall):
        yield action.config
        yield from (message.content for message in action.messages)
    else:
        yield action.arguments


def references_in(step: Step) -> Iterator[Reference]:
    """Yield every reference of a step."""
    for template in templates_of(step):
        yield from references_of(template)


def connect(steps: Sequence[Step], inputs: Mapping[str, InputSpec] | None, notes: Notes) -> tuple[Step, ...]:
    """Check ids, ``needs`` and references; return the steps with ``depends_on`` filled in.

    Args:
        steps: as they were read.
        inputs: the declared inputs, or None when any input is taken.
        notes: where mistakes go.
    """
    known = _unique_ids(steps, notes)
    connected = []
    for step in steps:
        needed = dict.fromkeys(need.step for need in step.needs if _is_known(need, step, known, notes))
        owner = f"step '{shown(step.id)}'"
        for reference in references_in(step):
            needed.update(dict.fromkeys(check_references(reference, owner, known, inputs, notes)))
        connected.append(dataclasses.replace(step, depends_on=tuple(needed)))
    _find_cycles(connected, notes)
    return tuple(connected)


def _unique_ids(steps: Sequence[Step], notes: Notes) -> dict[str, Step]:
    known: dict[str, Step] = {}
    for step in steps:
        first = known.setdefault(step.id, step)
        if first is not step:
            line = first.position.line
            where = f"the first is in line {line}" if line is not None else "give each step its own id"
            notes.add(step.position, f"a second step has the id '{shown(step.id)}'", where)
    return known


def _is_known(need: Need, step: Step, known: Mapping[str, Step], notes: Notes) -> bool:
    if need.step in known:
        return True
    message = f"step '{shown(step.id)}' needs '{shown(need.step)}', and there is no such step"
    notes.add(need.position, message, _hint(need.step, known))
    return False


def check_references(
    reference: Reference,
    owner: str,
    known: Mapping[str, object],
    inputs: Mapping[str, InputSpec] | None,
    notes: Notes,
) -> Iterator[str]:
    """Yield the ids of the steps that a reference names; note names that do not exist."""
    for path in reference.paths():
        position = _position(reference, path)
        name = str(path.keys[0])
        if path.root is Root.INPUTS:
            if inputs is not None and name not in inputs:
                hint = _hint(name, inputs, "declare it under 'inputs'")
                notes.add(
                    position, f"{owner} refers to the input '{shown(name)}', which is not declared", hint
                )
            continue
        if name not in known:
            message = f"{owner} refers to the step '{shown(name)}', and there is no such step"
            notes.add(position, message, _hint(name, known))
            continue
        _check_field(path, owner, position, notes)
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
        notes.add(
            position,
            f"{owner} refers to '{field}' of the step '{name}', which has only output and state",
            hint,
        )


def _position(reference: Reference, path: Path) -> Position:
    """Return where a path stands; inside a reference of one line that can be counted."""
    if reference.line is None or reference.column is None or "\n" in reference.text:
        return Position(reference.line, reference.column)
    return Position(reference.line, reference.column + path.offset - reference.start)


def _find_cycles(steps: Sequence[Step], notes: Notes) -> None:
    """Note one cycle for each knot of steps that wait for each other."""
    by_id = {step.id: step for step in steps}
    left = {step.id: set(step.depends_on) & by_id.keys() for step in by_id.values()}
    while True:
        _trim(left)
        if not left:
            return
        cycle = _walk(left)
        first = min(range(len(cycle)), key=lambda place: by_id[cycle[place]].position.line or 0)
        cycle = cycle[first:] + cycle[:first]
        chain = " -> ".join(
            shown(name) for name in (*cycle[:20], *(["..."] if len(cycle) > 20 else []), cycle[0])
        )
        if len(cycle) == 1:
            message = f"step '{shown(cycle[0])}' waits for itself"
        else:
            message = f"these steps wait for each other: {chain}"
        notes.add(by_id[cycle[0]].position, message, "remove one of the references or 'needs' between them")
        for name in cycle:
            del left[name]


def _trim(left: dict[str, set[str]]) -> None:
    """Remove every step that could run, as if it had; what stays is a cycle or waits for one."""
    dependents: dict[str, list[str]] = {}
    for name, needed in left.items():
        needed.intersection_update([other for other in needed if other in left])
        for other in needed:
            dependents.setdefault(other, []).append(name)
    ready = [name for name, needed in left.items() if not needed]
    while ready:
        done = ready.pop()
        del left[done]
        for name in dependents.get(done, ()):
            left[name].discard(done)
            if not left[name]:
                ready.append(name)


def _walk(left: Mapping[str, set[str]]) -> list[str]:
    """Follow dependencies until a step comes again; every step left has one that is left."""
    seen: dict[str, int] = {}
    name = next(iter(left))
    while name not in seen:
        seen[name] = len(seen)
        name = min(left[name])
    return list(seen)[seen[name] :]
