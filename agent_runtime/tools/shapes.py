"""Type hints as JSON Schema, and values from JSON as what the hints promise.

Both are made together, so that what a model is told and what its arguments are held against agree.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import types
import typing
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

__all__ = ("ANYTHING", "Field", "Shape", "ShapeError", "record", "shape_of")

Faults = list[str]
Read = Callable[[object, str, Faults], object]
"""From a value, where it stands, and where its faults go to what the code gets."""


class ShapeError(Exception):
    """A type hint that no JSON Schema can express; the text says which, and what can be."""


class Shape(NamedTuple):
    """One type.

    Attributes:
        schema: what a model is told.
        read: checks a value from JSON and makes of it what the hint promises.
    """

    schema: Mapping[str, object]
    read: Read


class Field(NamedTuple):
    """One named part of a mapping."""

    shape: Shape
    required: bool


ANYTHING = Shape({}, lambda value, _path, _faults: value)

_CAN = "use str, int, float, bool, None, list, dict, Literal, Optional, an Enum, a dataclass or a TypedDict"
_NONE = type(None)
_LISTS: Mapping[object, Callable[[Iterable[object]], object]] = {
    **dict.fromkeys((list, Sequence, Collection, Iterable), list),
    **dict.fromkeys((set, AbstractSet), set),
    frozenset: frozenset,
}


def shape_of(hint: object, within: tuple[object, ...] = ()) -> Shape:
    """Return the shape of a type hint, which has been resolved: no text stands in it.

    Args:
        hint: the type.
        within: the classes that it stands in.

    Raises:
        ShapeError: no JSON Schema can express it.
    """
    if hint is Any or hint is object:
        return ANYTHING
    if hint in _BASIC:
        return _BASIC[hint]
    hint = getattr(hint, "__supertype__", hint)  # NewType
    hint = getattr(hint, "__value__", hint)  # type X = ...
    arguments = typing.get_args(hint)
    origin = typing.get_origin(hint) or hint
    special = _SPECIAL.get(origin)
    if special is not None:
        return special(arguments, within)
    if origin in _LISTS:
        return _array(_LISTS[origin], shape_of(arguments[0], within) if arguments else ANYTHING)
    return _of_class(origin, within)


def _of_class(kind: object, within: tuple[object, ...]) -> Shape:
    if isinstance(kind, type):
        if kind in within:
            raise ShapeError(f"{kind.__name__} contains itself, and schemas of tools are written out")
        if kind in _BASIC:
            return _BASIC[kind]
        if issubclass(kind, enum.Enum):
            return _choice([member.value for member in kind], {member.value: member for member in kind})
        if dataclasses.is_dataclass(kind):
            return record(_fields_of_dataclass(kind, (*within, kind)), make=kind)
        if typing.is_typeddict(kind):
            return record(_fields_of_typed_dict(kind, (*within, kind)))
    raise ShapeError(f"no JSON Schema expresses {_name(kind)}; {_CAN}")


def _fields_of_dataclass(kind: type, within: tuple[object, ...]) -> dict[str, Field]:
    hints = hints_of(kind)
    return {
        field.name: Field(
            shape_of(hints[field.name], within),
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING,
        )
        for field in dataclasses.fields(kind)
        if field.init
    }


def _fields_of_typed_dict(kind: type, within: tuple[object, ...]) -> dict[str, Field]:
    required: frozenset[str] = getattr(kind, "__required_keys__", frozenset())
    fields: dict[str, Field] = {}
    for name, hint in hints_of(kind).items():
        # Where annotations are texts, __required_keys__ does not know what they say.
        said = typing.get_origin(hint)
        is_required = said is typing.Required or (name in required and said is not typing.NotRequired)
        fields[name] = Field(shape_of(hint, within), is_required)
    return fields


def hints_of(thing: object) -> dict[str, Any]:
    """Return the type hints of a function or class, those written as texts resolved.

    Raises:
        ShapeError: a name in them does not exist.
    """
    try:
        return typing.get_type_hints(thing, include_extras=True)
    except NameError as error:
        raise ShapeError(
            f"a type hint names '{error.name}', which cannot be found;"
            " import it at the top of its module, not only for type checkers"
        ) from None
    except (TypeError, AttributeError, SyntaxError) as error:
        raise ShapeError(f"its type hints cannot be read: {error}") from None


def record(fields: Mapping[str, Field], *, make: Callable[..., object] = dict) -> Shape:
    """Return the shape of a mapping with these parts and no others.

    Args:
        fields: the parts by name.
        make: called with the parts as keywords.
    """
    schema: dict[str, object] = {
        "type": "object",
        "properties": {name: field.shape.schema for name, field in fields.items()},
        "additionalProperties": False,
    }
    required = [name for name, field in fields.items() if field.required]
    if required:
        schema["required"] = required

    def read(value: object, path: str, faults: Faults) -> object:
        if not isinstance(value, Mapping):
            return _wrong(value, "an object", path, faults)
        before = len(faults)
        takes = ", ".join(fields) or "nothing"
        faults += (
            f"{path}: there is no '{name}' here; it takes {takes}" for name in value if name not in fields
        )
        faults += (f"{path}: '{name}' is missing" for name in required if name not in value)
        parts = {
            name: fields[name].shape.read(part, f"{path}.{name}", faults)
            for name, part in value.items()
            if name in fields
        }
        return make_of(parts, path, faults) if len(faults) == before else None

    def make_of(parts: Mapping[str, object], path: str, faults: Faults) -> object:
        try:
            return make(**parts)
        except (TypeError, ValueError) as error:  # a dataclass that looks at its values
            faults.append(f"{path}: {error}")
            return None

    return Shape(schema, read)


def _plain(name: str, what: str, accepts: Callable[[object], bool]) -> Shape:
    def read(value: object, path: str, faults: Faults) -> object:
        return value if accepts(value) else _wrong(value, what, path, faults)

    return Shape({"type": name}, read)


def _read_integer(value: object, path: str, faults: Faults) -> object:
    if isinstance(value, float) and value.is_integer():
        return int(value)  # JSON knows no difference
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    return value if is_integer else _wrong(value, "an integer", path, faults)


def _read_number(value: object, path: str, faults: Faults) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _wrong(value, "a number", path, faults)
    try:
        return float(value)
    except OverflowError:
        return _wrong(value, "a number that a float can hold", path, faults)


def _written(kind: type[datetime.date], format_: str) -> Shape:
    """Return the shape of what is written as text in a format."""

    def read(value: object, path: str, faults: Faults) -> object:
        try:
            if isinstance(value, str):
                return kind.fromisoformat(value)
        except ValueError:
            pass
        return _wrong(value, f"a text like '{kind(2025, 1, 31).isoformat()}'", path, faults)

    return Shape({"type": "string", "format": format_}, read)


_BASIC: Mapping[object, Shape] = {
    str: _plain("string", "a text", lambda value: isinstance(value, str)),
    bool: _plain("boolean", "true or false", lambda value: isinstance(value, bool)),
    int: Shape({"type": "integer"}, _read_integer),
    float: Shape({"type": "number"}, _read_number),
    _NONE: _plain("null", "null", lambda value: value is None),
    None: _plain("null", "null", lambda value: value is None),
    datetime.datetime: _written(datetime.datetime, "date-time"),
    datetime.date: _written(datetime.date, "date"),
}


def _array(make: Callable[[Iterable[object]], object], item: Shape) -> Shape:
    schema: dict[str, object] = {"type": "array", "items": item.schema}
    if make is not list:
        schema["uniqueItems"] = True

    def read(value: object, path: str, faults: Faults) -> object:
        if not isinstance(value, list | tuple):
            return _wrong(value, "an array", path, faults)
        items = [item.read(each, f"{path}[{index}]", faults) for index, each in enumerate(value)]
        try:
            return make(items)
        except TypeError:  # objects in a set
            return _wrong(value, "an array of texts or numbers", path, faults)

    return Shape(schema, read)


def _tuple(arguments: tuple[object, ...], within: tuple[object, ...]) -> Shape:
    if not arguments:
        return _array(tuple, ANYTHING)._replace(schema={"type": "array"})
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        item = shape_of(arguments[0], within)
        return _array(tuple, item)._replace(schema={"type": "array", "items": item.schema})
    shapes = [shape_of(each, within) for each in arguments]
    count = len(shapes)

    def read(value: object, path: str, faults: Faults) -> object:
        if not isinstance(value, list | tuple) or len(value) != count:
            return _wrong(value, f"an array of {count}", path, faults)
        pairs = enumerate(zip(shapes, value, strict=True))
        return tuple(shape.read(each, f"{path}[{index}]", faults) for index, (shape, each) in pairs)

    schema = {"type": "array", "prefixItems": [shape.schema for shape in shapes]}
    return Shape({**schema, "minItems": count, "maxItems": count}, read)


def _mapping(arguments: tuple[object, ...], within: tuple[object, ...]) -> Shape:
    if arguments and arguments[0] not in (str, Any):
        raise ShapeError(f"keys of JSON are texts, not {_name(arguments[0])}; use dict[str, ...]")
    inner = shape_of(arguments[1], within) if arguments else ANYTHING

    def read(value: object, path: str, faults: Faults) -> object:
        if not isinstance(value, Mapping):
            return _wrong(value, "an object", path, faults)
        return {key: inner.read(each, f"{path}.{key}", faults) for key, each in value.items()}

    return Shape({"type": "object", "additionalProperties": inner.schema or True}, read)


def _union(arguments: tuple[object, ...], within: tuple[object, ...]) -> Shape:
    shapes = [shape_of(each, within) for each in arguments]

    def read(value: object, path: str, faults: Faults) -> object:
        nearest: Faults | None = None
        for shape in shapes:
            own: Faults = []
            found = shape.read(value, path, own)
            if not own:
                return found
            if nearest is None or any(not fault.startswith(f"{path}: must be") for fault in own):
                nearest = own
        faults += nearest or []
        return None

    return Shape({"anyOf": [shape.schema for shape in shapes]}, read)


def _choice(values: Sequence[object], members: Mapping[Any, object]) -> Shape:
    """Return the shape of one of some values, which JSON has to know."""
    for value in values:
        if isinstance(value, enum.Enum) or not isinstance(value, str | int | float | bool | None):
            raise ShapeError(f"{value!r} is no value of JSON; use texts or numbers")
    listed = ", ".join(repr(value) for value in values)

    def read(value: object, path: str, faults: Faults) -> object:
        for known in values:
            if type(known) is type(value) and known == value:
                return members[known]
        return _wrong(value, f"one of {listed}", path, faults)

    return Shape({"enum": list(values)}, read)


def _described(shape: Shape, about: Iterable[object]) -> Shape:
    """Add what ``Annotated`` says for people: a text, or something with a ``description``."""
    for each in about:
        text = each if isinstance(each, str) else getattr(each, "description", None)
        if isinstance(text, str) and text:
            return shape._replace(schema={**shape.schema, "description": text})
    return shape


def _wrong(value: object, wanted: str, path: str, faults: Faults) -> object:
    """Add a fault; what comes back stands for the value that there is not."""
    kinds = {dict: "an object", list: "an array", str: "a text", bool: "a boolean", _NONE: "null"}
    got = kinds.get(type(value), "a number")
    if isinstance(value, str | bool | int | float) and len(repr(value)) <= 40:
        got = repr(value)
    faults.append(f"{path}: must be {wanted}, not {got}")
    return None


def _name(hint: object) -> str:
    return getattr(hint, "__qualname__", None) or str(hint)


def _literal(arguments: tuple[object, ...], _within: tuple[object, ...]) -> Shape:
    return _choice(arguments, {value: value for value in arguments})


def _annotated(arguments: tuple[object, ...], within: tuple[object, ...]) -> Shape:
    return _described(shape_of(arguments[0], within), arguments[1:])


def _first(arguments: tuple[object, ...], within: tuple[object, ...]) -> Shape:
    return shape_of(arguments[0], within)


_SPECIAL: Mapping[object, Callable[[tuple[object, ...], tuple[object, ...]], Shape]] = {
    typing.Annotated: _annotated,
    typing.Literal: _literal,
    typing.Union: _union,
    types.UnionType: _union,
    tuple: _tuple,
    **dict.fromkeys((dict, Mapping), _mapping),
    **dict.fromkeys((typing.Required, typing.NotRequired, typing.Final), _first),
}
"""What takes arguments of its own, by what ``typing.get_origin`` says of it."""
