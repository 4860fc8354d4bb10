"""What language models were used for, in numbers: added up over turns, attempts, steps and the run."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ("added",)


def added(one: Mapping[str, object], other: Mapping[str, object]) -> dict[str, object]:
    """Return the sum of two counts, key by key; what is no number is that of the later one.

    A ``cost`` that one of them does not know is not known of the sum.
    """
    total = {**one, **other}
    for key in one:
        if key not in other:
            continue
        total[key] = _sum(one[key], other[key])
    return total


def _sum(one: object, other: object) -> object:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return added(one, other)
    if _is_number(one) and _is_number(other):
        return one + other  # type: ignore[operator]  # both are numbers
    return one if other is None else other


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
