"""Reading a whole workflow: its header, inputs, steps and outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agent_runtime.errors import WorkflowError
from agent_runtime.expressions import Template
from agent_runtime.loading.compose import compose
from agent_runtime.loading.form import Form, nearest, read_name, read_template, shown
from agent_runtime.loading.graph import Wiring, connect
from agent_runtime.loading.keys import FORMAT_VERSION, KEYS
from agent_runtime.loading.nodes import Items, Node, Notes, Pairs, Scalar, from_python, kind_of, to_python
from agent_runtime.loading.schemas import read_schema
from agent_runtime.loading.source import Source
from agent_runtime.loading.steps import read_steps
from agent_runtime.loading.values import fits
from agent_runtime.workflow.model import Check, InputSpec, OutputSpec, Position, Step, ValueType, Workflow

__all__ = ("STEPS_NAME", "from_steps", "parse_workflow", "read_inputs")

STEPS_NAME = "<steps>"


def parse_workflow(source: Source) -> tuple[Workflow | None, Notes]:
    """Parse a workflow's text; the mistakes in it are in the notes, and then there may be no workflow."""
    notes = Notes(source.file)
    root = compose(source.text, notes)
    if root is None:
        if not notes:
            notes.add(Position(1, 1), "the file is empty", "write at least a 'steps' list")
        return None, notes
    if _is_newer(root, notes):
        return None, notes
    form = Form(root, notes, owner="the workflow", keys=KEYS["workflow"])
    form.count("version")
    if not form.is_mapping:
        return None, notes
    name = form.line("name") or source.stem
    inputs = read_inputs(form, notes)
    steps = connect(read_steps(form.node("steps"), notes), inputs, notes)
    outputs = _read_outputs(form.node("outputs"), steps, inputs, notes)
    workflow = Workflow(
        id=form.line("id") or name,
        name=name,
        file=source.file,
        description=form.text("description") or "",
        inputs=inputs,
        steps=steps,
        outputs=outputs,
        output_types=_read_output_types(form, outputs, steps, notes),
        timeout=form.number("timeout"),
        inputs_position=form.key_at("inputs"),
    )
    return workflow, notes


def _is_newer(root: Node, notes: Notes) -> bool:
    """Note that a file is of a version of the format that came later; the rest of it cannot be judged."""
    for key, value in root.pairs if isinstance(root, Pairs) else ():
        version = value.value if isinstance(value, Scalar) else None
        if key.value == "version" and isinstance(version, int) and version > FORMAT_VERSION:
            message = (
                f"the file is of version {version} of the format, and this release reads {FORMAT_VERSION}"
            )
            hint = f"use a newer release, or write {FORMAT_VERSION} if the file needs nothing newer"
            notes.add(value.position, message, hint)
            return True
    return False


def from_steps(
    steps: Sequence[Step | Mapping[str, object]], outputs: Mapping[str, object] | None
) -> tuple[Workflow, Notes]:
    """Make a workflow of parsed steps or of plain mappings; any inputs are taken.

    Raises:
        TypeError: ``steps`` is not a list.
    """
    notes = Notes(STEPS_NAME)
    parsed: list[Step] = []
    given: object = steps
    if isinstance(given, str | bytes) or not isinstance(given, Sequence):
        raise TypeError(
            f"steps are given as a list, not as {type(given).__name__}; for YAML use Runtime(source)"
        )
    for index, step in enumerate(steps):
        if isinstance(step, Step):
            parsed.append(step)
        else:
            node = from_python(step, notes, f"steps[{index}]")
            parsed += read_steps(Items((node,), node.position), notes, first=index + 1)
    if not steps:
        read_steps(Items((), Position()), notes)
    connected = connect(parsed, None, notes)
    tree = None if outputs is None else from_python(outputs, notes, "outputs")
    templates = _read_outputs(tree, connected, None, notes)
    return Workflow("steps", "steps", STEPS_NAME, connected, open_inputs=True, outputs=templates), notes


def read_inputs(form: Form, notes: Notes) -> dict[str, InputSpec]:
    """Read what stands under ``inputs``: declarations by name."""
    node = form.node("inputs")
    if node is None or (isinstance(node, Scalar) and node.value is None):
        return {}
    if not isinstance(node, Pairs):
        form.note(
            "inputs", f"'inputs' must be a mapping, not {kind_of(node)}", "write 'name: {type: string}'"
        )
        return {}
    found: dict[str, InputSpec] = {}
    for key, value in node.pairs:
        name = str(key.value)
        if read_name(name, key.position, notes, what="the name of an input"):
            found[name] = _read_input(name, key.position, value, notes)
    return found


def _read_input(name: str, position: Position, node: Node, notes: Notes) -> InputSpec:
    owner = f"input '{name}'"
    form = Form(_spelled_out(node, position), notes, owner=owner, keys=KEYS["input"])
    type_ = form.word("type", ValueType) or ValueType.ANY
    check = _read_schema(form, notes)
    required, default = form.flag("required"), form.node("default")
    value = None if default is None else to_python(default)
    if default is not None:
        if required:
            form.note("required", f"{owner} is required and has a default", "remove one of the two")
        if not fits(value, type_):
            message = f"the default of {owner} is {kind_of(default)}, and its type is {type_.value}"
            form.note("default", message, "make the two agree")
        elif check is not None:
            for fault in check(value):
                form.note("default", f"the default of {owner} does not fit its schema: {fault}")
    is_required = default is None if required is None else required
    return InputSpec(name, type_, is_required, value, form.text("description") or "", check, position)


def _read_schema(form: Form, notes: Notes) -> Check | None:
    node = form.node("schema")
    return None if node is None else read_schema(node, form.owner, notes)


def _read_output_types(
    form: Form, outputs: Sequence[tuple[str, Template]] | None, steps: Sequence[Step], notes: Notes
) -> tuple[OutputSpec, ...]:
    """Read what outputs must be; each has to be one that there is."""
    node = form.node("output_types")
    if node is None or (isinstance(node, Scalar) and node.value is None):
        return ()
    if not isinstance(node, Pairs):
        message = f"'output_types' must be a mapping, not {kind_of(node)}"
        form.note("output_types", message, "write 'name: string'")
        return ()
    names = [step.id for step in steps] if outputs is None else [name for name, _ in outputs]
    return tuple(
        _read_output_type(str(key.value), key.position, value, names, notes) for key, value in node.pairs
    )


def _read_output_type(
    name: str, position: Position, node: Node, names: Sequence[str], notes: Notes
) -> OutputSpec:
    if name not in names:
        hint = nearest(name, names) or "add it under 'outputs', or remove its type"
        notes.add(position, f"there is no output '{shown(name)}'", hint)
    form = Form(_spelled_out(node, position), notes, owner=f"output '{shown(name)}'", keys=KEYS["output"])
    form.text("description")
    type_ = form.word("type", ValueType) or ValueType.ANY
    return OutputSpec(name, type_, _read_schema(form, notes), position)


def _spelled_out(node: Node, position: Position) -> Node:
    """Return a declaration as a mapping: 'ticket: string' is short for 'ticket: {type: string}'."""
    if isinstance(node, Scalar) and isinstance(node.value, str):
        return Pairs(((Scalar("type", node.position), node),), node.position)
    if isinstance(node, Scalar) and node.value is None:
        return Pairs((), position)
    return node


def _read_outputs(
    node: Node | None, steps: Sequence[Step], inputs: Mapping[str, InputSpec] | None, notes: Notes
) -> tuple[tuple[str, Template], ...] | None:
    if node is None:
        return None
    if not isinstance(node, Pairs):
        notes.add(
            node.position, f"'outputs' must be a mapping, not {kind_of(node)}", "write 'name: \"${...}\"'"
        )
        return None
    known = {step.id: step for step in steps}
    wiring = Wiring(inputs, notes)
    outputs = []
    for key, value in node.pairs:
        name = str(key.value)
        template = read_template(value, notes)
        for _step in wiring.names_in(template, f"output '{shown(name)}'", known):
            pass  # names are noted as they are found; nothing waits for an output
        outputs.append((name, template))
    return tuple(outputs)


def raise_if_any(notes: Notes) -> None:
    """End loading if there is a mistake.

    Raises:
        WorkflowError: there is one.
    """
    if notes:
        raise WorkflowError(notes.problems())
