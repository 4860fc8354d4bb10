"""The value of a reference: lookups in mappings and sequences, comparisons, nothing else."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, runtime_checkable

from agent_runtime.expressions.nodes import Binary, Comparison, Literal, Negation, Node, Operator, Path

__all__ = ("LookupFailed", "Scope", "evaluate_expression", "is_true")


class LookupFailed(LookupError):  # noqa: N818 - never leaves the package: it becomes ReferenceValueError
    """A path leads nowhere, or two values cannot be compared; ``str()`` is the reason."""


@runtime_checkable
class Scope(Protocol):
    """What a reference can see."""

    def base(self, path: Path) -> tuple[object, int]:
        """Return the value that the path starts from, and how many of its keys led there.

        Raises:
            LookupFailed: there is no such input or step.
        """


def evaluate_expression(node: Node, scope: Scope) -> object:
    """Return the value of a parsed reference.

    Raises:
        LookupFailed: a path leads nowhere, or two values cannot be compared.
    """
    if isinstance(node, Path):
        return _follow(node, scope)
    if isinstance(node, Literal):
        return node.value
    if isinstance(node, Negation):
        return not is_true(evaluate_expression(node.operand, scope))
    if isinstance(node, Comparison):
        return _compare(
            evaluate_expression(node.left, scope), node.operator, evaluate_expression(node.right, scope)
        )
    return _decide(node, scope)


def is_true(value: object) -> bool:
    """Whether a value counts as true: all but null, false, zero and what is empty."""
    return bool(value)


def _decide(node: Binary, scope: Scope) -> object:
    """Evaluate operands until one decides; the value is that operand's, as in Python."""
    decides = node.operator is Operator.OR
    value: object = None
    for operand in node.operands:
        value = evaluate_expression(operand, scope)
        if is_true(value) is decides:
            break
    return value


def _follow(path: Path, scope: Scope) -> object:
    value, taken = scope.base(path)
    for count in range(taken, len(path.keys)):
        value = _step_into(value, path, count)
    return value


def _step_into(value: object, path: Path, count: int) -> object:
    key = path.keys[count]
    if isinstance(value, Mapping):
        if key in value:
            return value[key]
        raise LookupFailed(_missing(str(Path(path.root, path.keys[:count])), key, value))
    if isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray):
        if isinstance(key, int) and -len(value) <= key < len(value):
            return value[key]
        where = Path(path.root, path.keys[:count])
        raise LookupFailed(f"{where} is an array of {len(value)}; there is no {key!r} in it")
    where = Path(path.root, path.keys[:count])
    raise LookupFailed(
        f"{where} is {_kind(value)}, and only mappings and arrays can be looked into, so there is no {key!r}"
    )


def _missing(where: str, key: str | int, value: Mapping[object, object]) -> str:
    keys = list(itertools.islice((name for name in value if isinstance(name, str | int)), 200))
    names = [_short(str(name)) for name in keys]
    shown = ", ".join(repr(name) for name in names[:10]) + (", ..." if len(names) > 10 else "")
    import difflib  # for failures only

    near = difflib.get_close_matches(_short(str(key)), names, n=1)
    meant = f"; did you mean '{near[0]}'?" if near else ""
    return (
        f"{where} has no key {key!r}, only {shown}{meant}" if names else f"{where} is empty, without {key!r}"
    )


def _short(name: str) -> str:
    return name if len(name) <= 60 else f"{name[:57]}..."


def _kind(value: object) -> str:
    names = {type(None): "null", str: "a text", bool: "a boolean", int: "a number", float: "a number"}
    return names.get(type(value), f"a {type(value).__name__}")


_ORDER: Mapping[Operator, Callable[[float, float], bool]] = {
    Operator.LESS: lambda left, right: left < right,
    Operator.LESS_OR_EQUAL: lambda left, right: left <= right,
    Operator.GREATER: lambda left, right: left > right,
    Operator.GREATER_OR_EQUAL: lambda left, right: left >= right,
}


def _compare(left: object, operator: Operator, right: object) -> object:
    if operator is Operator.EQUAL:
        return left == right
    if operator is Operator.NOT_EQUAL:
        return left != right
    if operator in (Operator.IN, Operator.NOT_IN):
        return _contains(right, left) is (operator is Operator.IN)
    if isinstance(left, int | float) and isinstance(right, int | float):
        return _ORDER[operator](left, right)
    if isinstance(left, str) and isinstance(right, str):
        return _ORDER[operator]((left > right) - (left < right), 0)
    raise LookupFailed(
        f"'{operator.value}' compares two numbers or two texts, not {_kind(left)} with {_kind(right)}"
    )


def _contains(container: object, item: object) -> bool:
    if isinstance(container, str):
        if isinstance(item, str):
            return item in container
        raise LookupFailed(f"only a text can be 'in' a text, not {_kind(item)}")
    if isinstance(container, Mapping | Sequence):
        return item in container
    raise LookupFailed(f"'in' looks into a text, an array or a mapping, not into {_kind(container)}")
