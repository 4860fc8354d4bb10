"""Values that must fit a JSON Schema: what the library jsonschema says of them, in our words.

jsonschema is an extra, imported when a workflow has a schema. Nothing is fetched for one: references in it
lead to itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from agent_runtime.loading.nodes import Items, Node, Notes, Pairs, Scalar, to_python
from agent_runtime.workflow import Position

__all__ = ("SchemaCheck", "read_schema")

MAX_FAULTS = 10
"""What is listed of a value that does not fit; a wrong list of thousands would be as many lines."""

_MAX_TEXT = 300


class _Validator(Protocol):
    def iter_errors(self, instance: object) -> Iterator[Exception]: ...


class SchemaCheck:
    """Says what about a value does not fit a schema; threads may share it.

    Args:
        schema: the schema, checked already.
    """

    __slots__ = ("_validator", "schema")

    def __init__(self, schema: Mapping[str, object]) -> None:
        self.schema = schema
        self._validator: _Validator | None = None

    def __reduce__(self) -> tuple[type[SchemaCheck], tuple[Mapping[str, object]]]:
        return SchemaCheck, (self.schema,)

    def __call__(self, value: object) -> list[str]:
        """Return what does not fit, one text each, at most ten; nothing if all does."""
        if self._validator is None:
            self._validator = _validator(self.schema)
        found: list[str] = []
        try:
            for error in self._validator.iter_errors(value):
                found.append(
                    f"{getattr(error, 'json_path', '$')}: {_shortened(getattr(error, 'message', ''))}"
                )
                if len(found) == MAX_FAULTS:
                    break
        except Exception as error:  # noqa: BLE001 - a reference into nothing, a value nested without end
            found.append(f"its schema cannot be used: {type(error).__name__}: {_shortened(str(error))}")
        return found


def read_schema(node: Node, owner: str, notes: Notes) -> SchemaCheck | None:
    """Read a JSON Schema from the file; what is wrong with it is noted."""
    if not isinstance(node, Pairs):
        notes.add(node.position, f"the schema of {owner} must be a mapping", "write '{type: object, ...}'")
        return None
    try:
        import jsonschema
    except ImportError:
        hint = "pip install 'agent-runtime[jsonschema]', or remove the schema"
        notes.add(node.position, f"the schema of {owner} needs the library jsonschema", hint)
        return None
    for place in _foreign(node):
        message = f"the schema of {owner} refers to another document, and nothing is fetched"
        notes.add(place, message, "put what it refers to under '$defs', and write '#/$defs/...'")
    schema = to_python(node)
    assert isinstance(schema, dict)
    kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    try:
        kind.check_schema(schema)
    except jsonschema.SchemaError as error:
        text = f"{error.json_path}: {_shortened(error.message)}"
        notes.add(node.position, f"the schema of {owner} is not a JSON Schema: {text}")
        return None
    return SchemaCheck(schema)


def _validator(schema: Mapping[str, object]) -> _Validator:
    """Make what checks values; as elsewhere, tuples are arrays and any mapping is an object."""
    import jsonschema
    import referencing

    kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    types = kind.TYPE_CHECKER.redefine_many({"array": _is_array, "object": _is_object})
    lenient = jsonschema.validators.extend(kind, type_checker=types)  # type: ignore[no-untyped-call]  # the stubs say less
    made: _Validator = lenient(schema, registry=referencing.Registry())
    return made


def _is_array(_checker: object, value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray)


def _is_object(_checker: object, value: object) -> bool:
    return isinstance(value, Mapping)


def _foreign(node: Node) -> Iterator[Position]:
    """Yield where a schema refers to something that is not in it."""
    if isinstance(node, Items):
        for item in node.items:
            yield from _foreign(item)
    for key, value in node.pairs if isinstance(node, Pairs) else ():
        if key.value in ("$ref", "$dynamicRef") and isinstance(value, Scalar):
            if isinstance(value.value, str) and not value.value.startswith("#"):
                yield value.position
        else:
            yield from _foreign(value)


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MAX_TEXT else f"{line[: _MAX_TEXT - 3]}..."
