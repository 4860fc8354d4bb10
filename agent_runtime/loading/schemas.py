"""Values that must fit a JSON Schema: what the library jsonschema says of them, in our words.

jsonschema is an extra, imported when a workflow has a schema. Nothing is fetched for one: references in it
lead to itself.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Protocol, runtime_checkable

from agent_runtime.loading.nodes import Items, Node, Notes, Pairs, Scalar, to_python
from agent_runtime.loading.patterns import fault_of, longest_for
from agent_runtime.workflow.model import Position

__all__ = ("SchemaCheck", "read_schema")

MAX_FAULTS = 10
"""What is listed of a value that does not fit; a wrong list of thousands would be as many lines."""

MAX_SCHEMA = 5_000
"""Values in one schema: checking that it is one takes a tenth of a millisecond for each."""

_MAX_TEXT = 300

_LEAST = 10_000
"""Rules that may be looked at, however small value and schema are."""

_left: contextvars.ContextVar[list[int]] = contextvars.ContextVar("agent_runtime.loading.schemas.left")
"""How many rules may still be looked at: a schema of a few lines can ask for more than anybody waits for."""

_UNFINISHED = ("unevaluatedItems", "unevaluatedProperties")


@runtime_checkable
class _Validator(Protocol):
    def iter_errors(self, instance: object) -> Iterator[Exception]: ...


class SchemaCheck:
    """Says what about a value does not fit a schema; threads may share it.

    Args:
        schema: the schema, checked already.
    """

    __slots__ = ("_longest", "_size", "_validator", "schema")

    def __init__(self, schema: Mapping[str, object]) -> None:
        self.schema = schema
        self._size = _measure(schema)[0]
        self._longest = longest_for(_patterns(schema))
        self._validator: _Validator | None = None

    def __reduce__(self) -> tuple[type[SchemaCheck], tuple[Mapping[str, object]]]:
        return SchemaCheck, (self.schema,)

    def __call__(self, value: object) -> list[str]:
        """Return what does not fit, one text each, at most ten; nothing if all does."""
        if self._validator is None:
            self._validator = _validator(self.schema)
        found: list[str] = []
        size, longest = _measure(value)
        if longest > self._longest:
            return [f"a text has {longest} characters, and its patterns are for {self._longest} at most"]
        token = _left.set([_LEAST + size * self._size])
        try:
            for error in self._validator.iter_errors(value):
                found.append(
                    f"{getattr(error, 'json_path', '$')}: {_shortened(getattr(error, 'message', ''))}"
                )
                if len(found) == MAX_FAULTS:
                    break
        except _TooMuchError:
            found.append("its schema refers to itself so often that it would take too long")
        except Exception as error:  # noqa: BLE001 - a reference into nothing, a value nested without end
            found.append(f"its schema cannot be used: {type(error).__name__}: {_shortened(str(error))}")
        finally:
            _left.reset(token)
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
    if not _is_bounded(node, schema, owner, notes):
        return None
    kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    try:
        kind.check_schema(schema)
    except jsonschema.SchemaError as error:
        text = f"{error.json_path}: {_shortened(error.message)}"
        notes.add(node.position, f"the schema of {owner} is not a JSON Schema: {text}")
        return None
    return SchemaCheck(schema)


def _is_bounded(node: Node, schema: Mapping[str, object], owner: str, notes: Notes) -> bool:
    """Note what of a schema could take too long; return whether there is nothing of it."""
    size, _ = _measure(schema)
    if size > MAX_SCHEMA:
        notes.add(node.position, f"the schema of {owner} holds {size} values, and {MAX_SCHEMA} is the most")
        return False
    faults = [
        (f"the pattern '{_shortened(each)}' in the schema of {owner} is not taken: {fault}", "")
        for each in _patterns(schema)
        if (fault := fault_of(each))
    ]
    if any(key in _UNFINISHED for key in _keys(schema)):
        message = f"the schema of {owner} says 'unevaluatedProperties' or 'unevaluatedItems'"
        faults.append((f"{message}, which are not taken", "write 'additionalProperties' or 'items'"))
    for message, hint in faults:
        notes.add(node.position, message, hint)
    return not faults


def _measure(value: object) -> tuple[int, int]:
    """Return how many values there are in a value, up to some millions, and the longest text's length."""
    size, longest, waiting = 0, 0, [value]
    while waiting and size < 5_000_000:
        each = waiting.pop()
        size += 1
        if isinstance(each, str):
            longest = max(longest, len(each))
        elif isinstance(each, Mapping):
            waiting += [*each, *each.values()]
        elif isinstance(each, Sequence) and not isinstance(each, bytes | bytearray):
            waiting += each
    return size, longest


def _patterns(schema: object) -> Iterator[str]:
    """Yield every regular expression in a schema, and what could be taken for one."""
    if isinstance(schema, list):
        for each in schema:
            yield from _patterns(each)
    for key, value in schema.items() if isinstance(schema, Mapping) else ():
        if key == "pattern" and isinstance(value, str):
            yield value
        if key == "patternProperties" and isinstance(value, Mapping):
            yield from map(str, value)
        yield from _patterns(value)


def _keys(schema: object) -> Iterator[str]:
    if isinstance(schema, list):
        for each in schema:
            yield from _keys(each)
    for key, value in schema.items() if isinstance(schema, Mapping) else ():
        yield str(key)
        yield from _keys(value)


Rule = Callable[[object, object, object, object], Iterator[Exception] | None]


class _TooMuchError(Exception):
    """More rules have been looked at than a value and a schema of this size are worth."""


def _counted(
    rule: Rule, validator: object, said: object, value: object, schema: object
) -> Iterator[Exception]:
    """Look at one rule of a schema, if there is time for it."""
    left = _left.get()
    left[0] -= 1 + (len(said) if isinstance(said, list | dict) else 0)
    if left[0] < 0:
        raise _TooMuchError
    found = rule(validator, said, value, schema)
    if found is not None:
        yield from found


def _unique(_validator: object, said: object, value: object, _schema: object) -> Iterator[Exception]:
    """Hold a list against ``uniqueItems`` in one pass; jsonschema compares each with each."""
    import jsonschema

    if not said or not isinstance(value, Sequence) or not _is_array(None, value):
        return
    if len({_identity(item) for item in value}) != len(value):
        yield jsonschema.ValidationError(f"{value!r} has non-unique elements")


def _identity(value: object) -> object:
    """Return something hashable that is the same for what JSON Schema takes to be the same."""
    if isinstance(value, Mapping):
        return "object", frozenset((key, _identity(inner)) for key, inner in value.items())
    if _is_array(None, value) and isinstance(value, Sequence):
        return "array", tuple(_identity(item) for item in value)
    return isinstance(value, bool), value


def _validator(schema: Mapping[str, object]) -> _Validator:
    """Make what checks values; as elsewhere, tuples are arrays and any mapping is an object."""
    import jsonschema
    import referencing

    kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    types = kind.TYPE_CHECKER.redefine_many({"array": _is_array, "object": _is_object})
    rules = {
        name: partial(_counted, rule) for name, rule in {**kind.VALIDATORS, "uniqueItems": _unique}.items()
    }
    lenient = jsonschema.validators.extend(kind, rules, type_checker=types)  # type: ignore[no-untyped-call]  # the stubs say less
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
