"""The types of inputs: the values given for a run, checked against what the workflow declares."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from agent_runtime.errors import OutputTypeError, WorkflowError
from agent_runtime.expressions import Root, references_of
from agent_runtime.loading.form import nearest, shown
from agent_runtime.loading.graph import references_in
from agent_runtime.loading.nodes import Notes
from agent_runtime.workflow.model import InputSpec, OutputSpec, Position, ValueType, Workflow

__all__ = ("bind_inputs", "check_outputs", "fits")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_CHECKS: Mapping[ValueType, Callable[[object], bool]] = {
    ValueType.STRING: lambda value: isinstance(value, str),
    ValueType.INTEGER: lambda value: isinstance(value, int) and not isinstance(value, bool),
    ValueType.NUMBER: _is_number,
    ValueType.BOOLEAN: lambda value: isinstance(value, bool),
    ValueType.ARRAY: lambda value: (
        isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray)
    ),
    ValueType.OBJECT: lambda value: isinstance(value, Mapping),
    ValueType.ANY: lambda _value: True,
}


def fits(value: object, type_: ValueType) -> bool:
    """Whether a value is of a declared type."""
    return _CHECKS[type_](value)


def bind_inputs(workflow: Workflow, given: Mapping[str, object] | None) -> dict[str, object]:
    """Return the inputs of one run: what was given, and the defaults of the rest.

    Raises:
        WorkflowError: inputs are missing, not declared, or of another type than declared; all of
            them are listed.
        TypeError: ``given`` is not a mapping.
    """
    given = {} if given is None else given
    if not isinstance(given, Mapping):
        raise TypeError(f"inputs are given as a mapping of names to values, not as {type(given).__name__}")
    notes = Notes(workflow.file)
    values = _open(workflow, given, notes) if workflow.open_inputs else _declared(workflow, given, notes)
    if notes:
        raise WorkflowError(notes.problems())
    return values


def _declared(workflow: Workflow, given: Mapping[str, object], notes: Notes) -> dict[str, object]:
    values: dict[str, object] = {}
    for name in given:
        if name not in workflow.inputs:
            hint = nearest(str(name), workflow.inputs) or "declare it under 'inputs', or leave it out"
            message = f"the input '{shown(str(name))}' was given and is not declared"
            notes.add(workflow.inputs_position, message, hint)
    for name, spec in workflow.inputs.items():
        if name in given:
            values[name] = given[name]
            _check(given[name], spec, f"the input '{name}'", "was given", notes)
        elif spec.required:
            notes.add(
                spec.position,
                f"the input '{name}' is required and was not given",
                f"pass inputs={{'{name}': ...}}",
            )
        else:
            values[name] = spec.default
    return values


def check_outputs(workflow: Workflow, outputs: Mapping[str, object]) -> None:
    """Hold what comes out against what the workflow says of it.

    Raises:
        OutputTypeError: something is of another type, or does not fit its schema; all of it is listed.
    """
    notes = Notes(workflow.file)
    for spec in workflow.output_types:
        _check(outputs[spec.name], spec, f"the output '{spec.name}'", "came out", notes)
    if notes:
        raise OutputTypeError(notes.problems())


def _check(value: object, spec: InputSpec | OutputSpec, who: str, came: str, notes: Notes) -> None:
    if not fits(value, spec.type):
        kind = type(value).__name__
        notes.add(spec.position, f"{who} must be {_article(spec.type)}, and {kind} {came}")
    elif spec.check is not None:
        for fault in spec.check(value):
            notes.add(spec.position, f"{who} does not fit its schema: {fault}")


def _article(type_: ValueType) -> str:
    word = type_.value
    return f"an {word}" if word[0] in "aio" else f"a {word}"


def _open(workflow: Workflow, given: Mapping[str, object], notes: Notes) -> dict[str, object]:
    """Take any input; what references name must be there."""
    for name, owner in _named_inputs(workflow).items():
        if name not in given:
            message = f"{owner} refers to the input '{shown(name)}', which was not given"
            notes.add(
                Position(), message, nearest(name, map(str, given)) or f"pass inputs={{'{shown(name)}': ...}}"
            )
    return dict(given)


def _named_inputs(workflow: Workflow) -> dict[str, str]:
    found: dict[str, str] = {}
    pairs = [(f"step '{step.id}'", reference) for step in workflow.steps for reference in references_in(step)]
    for name, template in workflow.outputs or ():
        pairs += [(f"output '{name}'", reference) for reference in references_of(template)]
    for owner, reference in pairs:
        for path in reference.paths():
            if path.root is Root.INPUTS:
                found.setdefault(str(path.keys[0]), owner)
    return found
