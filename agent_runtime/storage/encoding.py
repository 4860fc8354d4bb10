"""Values as the JSON that is kept of them, and back; what would come back as another value is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from agent_runtime.errors import NotStorableError
from agent_runtime.errors.stacks import is_of_the_caller

__all__ = ("decode", "encode", "restored")

_PLAIN = (str, int, float, type(None))


def encode(value: object, *, step: str | None, place: str) -> str:
    """Return a value as JSON; texts come out as ASCII, so that any database takes them.

    Tuples become lists, and subclasses of plain types what they are subclasses of. NaN and infinities are
    kept, in the notation of Python's own ``json``.

    Args:
        value: what is to be kept.
        step: whose output it is, for the error.
        place: what the error calls the value.

    Raises:
        NotStorableError: JSON cannot express it.
    """
    return restored(value, step=step, place=place)[0]


def restored(value: object, *, step: str | None, place: str) -> tuple[str, object]:
    """Return a value as JSON, and as what will come back of it.

    Raises:
        NotStorableError: JSON cannot express it.
    """
    reason = ""
    try:
        text = json.dumps(value)
        back = json.loads(text)
        if back == value or next(_odd_keys(value, place), None) is None:
            return text, back
    except (TypeError, ValueError, RecursionError) as error:
        if is_of_the_caller(error):
            raise
        reason = str(error)
    found, what = next(_misfits(value, place), (place, f"cannot be expressed in JSON: {reason}"))
    raise NotStorableError(step, found, what)


def decode(text: str) -> object:
    """Return the value that a JSON text stands for."""
    value: object = json.loads(text)
    return value


def _misfits(value: object, place: str) -> Iterator[tuple[str, str]]:
    """Yield where a value holds something that JSON has no word for, and what it is."""
    try:
        yield from _odd_keys(value, place)
        yield from _odd_values(value, place)
    except RecursionError as error:
        if is_of_the_caller(error):
            raise
        yield place, "is nested too deeply, or contains itself"


def _odd_keys(value: object, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if not isinstance(key, str):
                yield place, f"has the key {key!r}, which is {type(key).__name__}"
            yield from _odd_keys(inner, f"{place}[{key!r}]")
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _odd_keys(inner, f"{place}[{index}]")


def _odd_values(value: object, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _odd_values(inner, f"{place}[{key!r}]")
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _odd_values(inner, f"{place}[{index}]")
    elif not isinstance(value, _PLAIN):
        yield place, f"is {_kind_of(value)}"


def _kind_of(value: object) -> str:
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
