"""Regular expressions of a workflow file: those that could be tried for ever are refused before they are.

Python's ``re`` tries every way in which a text can match, and nothing can stop it. How many ways there are is
seen in the expression: repetitions inside repetitions multiply them with each character, those in a row with
each other.
"""

from __future__ import annotations

import importlib
import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import cast

from agent_runtime.errors.stacks import is_of_the_caller

__all__ = ("fault_of", "longest_for")

_Item = tuple[object, object]

_LONGEST = (1_000_000, 10_000, 500, 254, 100, 60)
"""Characters of a text that may be held against an expression, by how many repetitions without a near end it
has: each text takes a second or so at most, if all of them can match the same characters."""

_NEAR = 16
"""Up to so many times, a repetition counts by its ways and not as one without end; a guess."""

_MAX_WAYS = 1_000

_REPEATS = ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")


class _RefusedError(Exception):
    """The expression is refused; the text says why."""


def fault_of(pattern: str) -> str:
    """Return what is wrong with an expression, or an empty string."""
    try:
        _repetitions(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        if is_of_the_caller(error):
            raise
        return f"it is no regular expression: {error}"
    except _RefusedError as error:
        return str(error)
    return ""


def longest_for(patterns: Iterable[str]) -> float:
    """Return how many characters a text may have that is held against all of these; any number, for none."""
    return min((_LONGEST[_repetitions(pattern)] for pattern in patterns), default=math.inf)


def _repetitions(pattern: str) -> int:
    """Return how many repetitions without a near end there are; what is no expression raises ``re.error``.

    Raises:
        _RefusedError: it could take for ever.
    """
    parse: Callable[[str], Iterable[_Item]] = importlib.import_module("re._parser").parse
    count = _Count()
    count.add(list(parse(pattern)))
    if count.endless >= len(_LONGEST):
        raise _RefusedError(f"it has more than {len(_LONGEST) - 1} repetitions")
    return count.endless


class _Count:
    """What has been found in an expression so far."""

    def __init__(self) -> None:
        self.endless = 0
        self._ways = 1

    def add(self, items: Sequence[_Item]) -> None:
        """Look into a sequence of items."""
        for op, value in items:
            name = str(op)
            if name in _REPEATS:
                self._repeat(*cast("tuple[int, int, Iterable[_Item]]", value))
            elif name == "BRANCH":
                _, branches = cast("tuple[object, Sequence[Iterable[_Item]]]", value)
                self._multiply(len(branches))
                for branch in branches:
                    self.add(list(branch))
            elif name.startswith("GROUPREF"):
                raise _RefusedError("it refers to a group, which may take for ever")
            else:
                self.add(_inside(name, value))

    def _repeat(self, low: int, high: int, body: Iterable[_Item]) -> None:
        items = list(body)
        while len(items) == 1 and str(items[0][0]) == "SUBPATTERN":
            items = _inside("SUBPATTERN", items[0][1])
        if low != high and high > _NEAR:
            self.endless += 1
        else:
            self._multiply(high - low + 1)
        if high > 1 and not _is_fixed(items) and not _is_separated(items):
            raise _RefusedError(
                "it repeats something that repeats or chooses, which may take for ever; begin or end what is"
                " repeated with a character that the rest of it cannot match"
            )
        self.add(items)

    def _multiply(self, ways: int) -> None:
        self._ways *= ways
        if self._ways > _MAX_WAYS:
            raise _RefusedError(f"it can match in more than {_MAX_WAYS} ways")


def _inside(name: str, value: object) -> list[_Item]:
    """Return the items of a group or of what is looked for around a place."""
    if name in ("SUBPATTERN", "ASSERT", "ASSERT_NOT"):
        return list(cast("Sequence[Iterable[_Item]]", value)[-1])
    return list(cast("Iterable[_Item]", value)) if name == "ATOMIC_GROUP" else []


def _is_fixed(items: Sequence[_Item]) -> bool:
    """Whether there is one way only to match something, whatever follows."""
    for op, value in items:
        name = str(op)
        if name == "BRANCH":
            return False
        if name in _REPEATS:
            low, high, body = cast("tuple[int, int, Iterable[_Item]]", value)
            if low != high or not _is_fixed(list(body)):
                return False
        elif not _is_fixed(_inside(name, value)):
            return False
    return True


def _is_separated(items: Sequence[_Item]) -> bool:
    """Whether a character that nothing else in it can match stands at one end: ``(-[a-z]+)*``."""
    for separator, rest in ((items[0], items[1:]), (items[-1], items[:-1])):
        op, value = separator
        if str(op) == "LITERAL" and isinstance(value, int) and _is_plain(rest):
            return not any(_matches(item, value) for item in rest)
    return False


def _is_plain(items: Sequence[_Item]) -> bool:
    """Whether something consists of single characters and simple repetitions of them."""
    for op, value in items:
        if str(op) in _REPEATS:
            value = list(cast("tuple[int, int, Iterable[_Item]]", value)[2])  # noqa: PLW2901 - what is repeated
            if len(value) != 1 or str(value[0][0]) in _REPEATS or not _is_plain(value):
                return False
        elif str(op) not in ("LITERAL", "NOT_LITERAL", "IN"):
            return False
    return True


def _matches(item: _Item, code: int) -> bool:
    """Whether a plain item can match a character."""
    op, value = item
    name = str(op)
    if name in _REPEATS:
        return any(_matches(each, code) for each in cast("tuple[int, int, Iterable[_Item]]", value)[2])
    if name in ("LITERAL", "NOT_LITERAL"):
        return (value == code) is (name == "LITERAL")
    members = list(cast("Iterable[_Item]", value))
    negated = bool(members) and str(members[0][0]) == "NEGATE"
    return any(_holds(member, code) for member in members) is not negated


def _holds(member: _Item, code: int) -> bool:
    op, value = member
    match str(op):
        case "LITERAL":
            return value == code
        case "RANGE":
            low, high = cast("tuple[int, int]", value)
            return low <= code <= high
        case "CATEGORY":
            word = str(value)
            kind = {"DIGIT": r"\d", "SPACE": r"\s", "WORD": r"\w"}[word.rpartition("_")[2]]
            return bool(re.match(kind, chr(code))) is not ("_NOT_" in word)
    return False
