"""One prompt: its messages and its inputs, parsed and checked like a workflow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from agent_runtime.expressions import Constant, Path, ReferenceSyntaxError, Root, parse_text, references_of
from agent_runtime.loading import Source, bind_inputs
from agent_runtime.loading.agents import read_messages
from agent_runtime.loading.compose import compose
from agent_runtime.loading.document import read_inputs
from agent_runtime.loading.form import Form, nearest, shown
from agent_runtime.loading.keys import Key, ListOf, Named, Plain
from agent_runtime.loading.nodes import Node, Notes, Pairs, Scalar, from_python
from agent_runtime.loading.places import Lines
from agent_runtime.workflow.model import InputSpec, Message, Position, ValueType, Workflow

__all__ = ("Prompt", "read_prompt")

_KEYS: Mapping[str, Key] = {
    "description": Key(Plain.TEXT, "for people"),
    "inputs": Key(Named("input", short="type"), "what goes in, by name"),
    "messages": Key(ListOf("message"), "what is said", required=True),
}
_TEXTS = (".md", ".txt")


class Prompt(NamedTuple):
    """One prompt.

    Attributes:
        name: its scenario and version, for messages.
        file: where it comes from, for messages.
        messages: what is said.
        inputs: what goes in, by name; where a prompt declares nothing, all that it refers to.
    """

    name: str
    file: str
    messages: tuple[Message, ...]
    inputs: Mapping[str, InputSpec]

    def bind(self, given: Mapping[str, object]) -> dict[str, object]:
        """Return the inputs of one use: what was given, and the defaults of the rest.

        Raises:
            WorkflowError: they are not what the prompt declares.
        """
        return bind_inputs(Workflow(self.name, self.name, self.file, (), inputs=self.inputs), given)


def read_prompt(source: Source | str | Sequence[Mapping[str, object]], name: str, notes: Notes) -> Prompt:
    """Read a prompt; what is wrong with it is noted.

    Args:
        source: its file, its text, or its messages.
        name: its scenario and version, for messages.
        notes: where mistakes go; of the same file as the source.
    """
    if isinstance(source, str):
        messages, declared = _of_text(source, notes), None
    elif isinstance(source, Source) and source.file.endswith(_TEXTS):
        messages, declared = _of_text(source.text, notes), None
    else:
        node = _tree(source, notes)
        messages, declared = ((), None) if node is None else _of_tree(node, name, notes)
    return Prompt(name, notes.file, messages, _inputs(messages, declared, name, notes))


def _tree(source: Source | Sequence[Mapping[str, object]], notes: Notes) -> Node | None:
    if isinstance(source, Source):
        node = compose(source.text, notes)
        if node is None and not notes:
            notes.add(Position(1, 1), "the file is empty", "write at least a 'messages' list")
        return node
    messages = from_python(source, notes, "messages")
    return Pairs(((Scalar("messages", Position()), messages),), Position())


def _of_text(text: str, notes: Notes) -> tuple[Message, ...]:
    """Make one system message of a whole text."""
    lines = Lines(text)
    try:
        content = parse_text(text, lines.position)
    except ReferenceSyntaxError as error:
        place = lines.position(min(error.offset, max(len(text) - 1, 0)))
        notes.add(place, f"wrong reference: {error.message}", error.hint)
        return ()
    return (Message("system", content),)


def _of_tree(node: Node, name: str, notes: Notes) -> tuple[tuple[Message, ...], dict[str, InputSpec] | None]:
    form = Form(node, notes, owner=name, keys=_KEYS)
    if not form.is_mapping:
        return (), None
    form.text("description")
    declared = read_inputs(form, notes) if "inputs" in form else None
    return read_messages(form, notes), declared


def _inputs(
    messages: Sequence[Message], declared: Mapping[str, InputSpec] | None, name: str, notes: Notes
) -> Mapping[str, InputSpec]:
    """Return a prompt's inputs; note references to anything else."""
    found: dict[str, InputSpec] = {}
    for message in messages:
        if message.content == Constant(None):
            continue  # a wrong reference, noted already
        for reference in references_of(message.content):
            for path in reference.paths():
                position = Position(reference.line, reference.column)
                if path.root is not Root.INPUTS:
                    _note_root(path, name, position, notes)
                    continue
                key = str(path.keys[0])
                found.setdefault(key, InputSpec(key, ValueType.ANY, required=True, position=position))
                if declared is not None and key not in declared:
                    text = f"{name} refers to the input '{shown(key)}', which it does not declare"
                    notes.add(position, text, nearest(key, declared) or "declare it under 'inputs'")
    return found if declared is None else declared


def _note_root(path: Path, name: str, position: Position, notes: Notes) -> None:
    message = f"{name} refers to '{path.root.value}', and a prompt sees nothing but its inputs"
    notes.add(position, message, "write '${inputs.<name>}', and give it under 'with' in the step")
