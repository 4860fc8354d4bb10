"""What a reference is once it is parsed: frozen nodes, and how each is written back as text.

Tuples where equality allows it: a frozen dataclass costs a millisecond at import, six times as much.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

__all__ = ("Binary", "Comparison", "Literal", "Negation", "Node", "Operator", "Path", "Reference", "Root")

Key = str | int


class Root(enum.Enum):
    """What a path may begin with."""

    INPUTS = "inputs"
    STEPS = "steps"
    SECRETS = "secrets"
    ITEM = "item"
    INDEX = "index"
    OUTPUT = "output"
    ERROR = "error"


class Operator(enum.Enum):
    """The words between two operands."""

    OR = "or"
    AND = "and"
    EQUAL = "=="
    NOT_EQUAL = "!="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="
    IN = "in"
    NOT_IN = "not in"


class Literal(NamedTuple):
    """A value written out: text, number, ``true``, ``false`` or ``null``."""

    value: str | int | float | bool | None

    def __str__(self) -> str:
        if isinstance(self.value, str):
            return quote(self.value)
        if self.value is None or isinstance(self.value, bool):
            return {None: "null", True: "true", False: "false"}[self.value]
        return repr(self.value)


@dataclass(frozen=True, slots=True)
class Path:
    """``inputs.a`` or ``steps.id.output.b[0]['c']``.

    Attributes:
        root: the first word.
        keys: what follows, at least one after ``inputs``, ``steps`` and ``secrets``; text for names
            and quoted keys, numbers for positions.
        offset: index of the first word in the text that was parsed.
    """

    root: Root
    keys: tuple[Key, ...]
    offset: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return self.root.value + "".join(_accessor(key) for key in self.keys)


class Negation(NamedTuple):
    """``not operand``."""

    operand: Node

    def __str__(self) -> str:
        return f"not {_wrapped(self.operand, Negation, Comparison)}"


class Comparison(NamedTuple):
    """Two values and a comparing word between them."""

    left: Node
    operator: Operator
    right: Node

    def __str__(self) -> str:
        return f"{_wrapped(self.left)} {self.operator.value} {_wrapped(self.right)}"


class Binary(NamedTuple):
    """Two or more operands joined by ``and``, or by ``or``; evaluated from the left until it is decided."""

    operator: Operator
    operands: tuple[Node, ...]

    def __str__(self) -> str:
        kinds: tuple[type, ...] = (Negation, Comparison)
        return f" {self.operator.value} ".join(_wrapped(operand, *kinds) for operand in self.operands)


Node: TypeAlias = Literal | Path | Negation | Comparison | Binary


class Reference(NamedTuple):
    """One ``${...}``: its text, what it means, and where it stands.

    Attributes:
        text: what stands between the braces, without the blanks around it.
        node: the parsed text.
        line: counted from 1; None when unknown.
        column: counted from 1; None when unknown.
        start: index of the ``${`` in the text that was parsed.
    """

    text: str
    node: Node
    line: int | None = None
    column: int | None = None
    start: int = 0

    def paths(self) -> Iterator[Path]:
        """Yield every path in it, from left to right."""
        return _paths(self.node)


def quote(text: str) -> str:
    """Write ``text`` as a quoted literal of the grammar."""
    return (
        "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\t", "\\t") + "'"
    )


def is_name(text: str) -> bool:
    """Whether ``text`` can follow a dot without quotes."""
    first, rest = text[:1], text[1:].replace("_", "a").replace("-", "a")
    return text.isascii() and (first.isalpha() or first == "_") and (not rest or rest.isalnum())


def _accessor(key: Key) -> str:
    if isinstance(key, int):
        return f"[{key}]"
    return f".{key}" if is_name(key) else f"[{quote(key)}]"


def _wrapped(node: Node, *bare: type) -> str:
    return str(node) if isinstance(node, (Literal, Path, *bare)) else f"({node})"


def _paths(node: Node) -> Iterator[Path]:
    match node:
        case Path():
            yield node
        case Negation(operand):
            yield from _paths(operand)
        case Comparison(left, _, right):
            yield from _paths(left)
            yield from _paths(right)
        case Binary(_, operands):
            for operand in operands:
                yield from _paths(operand)
        case Literal():
            return
