"""What a workflow file is before it means anything: scalars, sequences and mappings with positions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from agent_runtime.errors import Problem
from agent_runtime.workflow.model import Position

__all__ = (
    "MAX_DEPTH",
    "MAX_NODES",
    "PER_COLLECTION",
    "PER_REFERENCE",
    "Items",
    "Node",
    "Notes",
    "Pairs",
    "Scalar",
    "from_python",
    "kind_of",
    "to_python",
)

Place = Callable[[int], Position]
"""From an index into a scalar's value to its place in the file."""


class Scalar(NamedTuple):
    """One value: text, number, boolean, null; from Python lists of steps, any other object."""

    value: object
    position: Position
    place: Place | None = None

    def at(self, index: int) -> Position:
        """Return where the character at ``index`` of a text stands."""
        return self.position if self.place is None else self.place(index)


class Items(NamedTuple):
    """A sequence."""

    items: tuple[Node, ...]
    position: Position


class Pairs(NamedTuple):
    """A mapping; keys are texts and each is there once."""

    pairs: tuple[tuple[Scalar, Node], ...]
    position: Position


Node: TypeAlias = Scalar | Items | Pairs


class Notes:
    """The mistakes found so far in one source."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._problems: list[Problem] = []
        self._others: list[Notes] = []

    def adopt(self, other: Notes) -> None:
        """Add the mistakes of another source, also those that are yet to be found there."""
        self._others.append(other)

    def add(self, position: Position, message: str, hint: str | Callable[[], str] = "") -> None:
        """Note one mistake; a hint that has to be searched for is given as a function."""
        if len(self._problems) >= MAX_PROBLEMS:
            return
        if callable(hint):
            hint = hint() if len(self._problems) < MAX_HINTS else ""
        self._problems.append(Problem(self.file, position.line, position.column, message, hint))

    def count(self) -> int:
        """Return how many have been found in this source."""
        return len(self._problems)

    def forget_after(self, count: int) -> None:
        """Forget those that were found after the first ``count``: the source is read once more."""
        del self._problems[count:]

    def __bool__(self) -> bool:
        return bool(self._problems) or any(self._others)

    def problems(self) -> list[Problem]:
        """Return all of them, in the order of the file; those of other files after its own."""
        own = sorted(self._problems, key=lambda problem: (problem.line or 0, problem.column or 0))
        return own + [problem for other in self._others for problem in other.problems()]


def kind_of(node: Node) -> str:
    """Name what was found, for messages."""
    if isinstance(node, Pairs):
        return "a mapping"
    if isinstance(node, Items):
        return "a list"
    names: dict[type[Any], str] = {
        str: "a text",
        bool: "a boolean",
        int: "a number",
        float: "a number",
        type(None): "nothing",
    }
    return names.get(type(node.value), f"a {type(node.value).__name__}")


def to_python(node: Node) -> object:
    """Return the plain value of a node."""
    if isinstance(node, Pairs):
        return {str(key.value): to_python(value) for key, value in node.pairs}
    if isinstance(node, Items):
        return [to_python(item) for item in node.items]
    return node.value


def from_python(value: object, notes: Notes, where: str) -> Node:
    """Turn plain dicts and lists into nodes; they have no positions, so ``where`` goes into messages."""
    try:
        return _Conversion(notes).node(value, where, 0)
    except _TooManyError:
        notes.add(Position(), f"{where} holds more than {MAX_NODES} values, shared ones counted in full")
        return Scalar(None, Position())


class _TooManyError(Exception):
    """The conversion was given up."""


class _Conversion:
    """The values that have been converted so far."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._total = 0

    def node(self, value: object, where: str, depth: int) -> Node:
        nowhere = Position()
        self._total += 1 + (PER_REFERENCE * value.count("${") if isinstance(value, str) else 0)
        if self._total > MAX_NODES:
            raise _TooManyError
        if depth > MAX_DEPTH:
            self._notes.add(nowhere, f"{where} is nested more than {MAX_DEPTH} levels deep")
            return Scalar(None, nowhere)
        if isinstance(value, Mapping):
            pairs = [
                (Scalar(key, nowhere), self.node(inner, f"{where}.{key}", depth + 1))
                for key, inner in value.items()
                if self._is_text(key, where)
            ]
            return Pairs(tuple(pairs), nowhere)
        if isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray):
            items = [self.node(inner, f"{where}[{index}]", depth + 1) for index, inner in enumerate(value)]
            return Items(tuple(items), nowhere)
        return Scalar(value, nowhere)

    def _is_text(self, key: object, where: str) -> bool:
        if isinstance(key, str):
            return True
        self._notes.add(Position(), f"{where} has the key {key!r}, and keys are texts", f"write {str(key)!r}")
        return False


MAX_PROBLEMS = 1_000
"""Mistakes that are listed; nobody reads more, and a hostile file could have a million."""

MAX_HINTS = 50
"""Mistakes for which a similar name is searched: 5 ms each among thousands of names."""

MAX_DEPTH = 60
"""Levels of nesting in a file; far beyond what a person writes and far from Python's recursion limit."""

MAX_NODES = 250_000
"""Values in one source, counting what an alias stands for each time; a bomb of aliases ends here. 40,000
steps have about as many, and reading them takes a second or two."""

PER_COLLECTION = 2
"""As how many values a list or a mapping counts, its contents aside: the parser tells of both its ends."""

PER_REFERENCE = 4
"""As how many values a reference counts: so much longer it takes to read one."""
