"""What language models were used for, in numbers: added up over turns, attempts, steps and the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

__all__ = ("Price", "priced", "total")

Usage = Mapping[str, object]

_MILLION = 1_000_000


class Price(NamedTuple):
    """What a model costs, for a million tokens each, in whatever currency the host counts.

    Attributes:
        input: of what it is sent.
        output: of what it writes.
        cached_input: of what it is sent and its server has kept; the same as ``input`` by default.
    """

    input: float
    output: float
    cached_input: float | None = None

    def of(self, usage: Usage) -> float | None:
        """Return what this many tokens cost; None if their number is not known."""
        asked, answered = usage.get("input_tokens"), usage.get("output_tokens")
        kept = usage.get("cached_input_tokens", 0)
        if not isinstance(asked, int) or not isinstance(answered, int) or not isinstance(kept, int):
            return None
        cached = self.input if self.cached_input is None else self.cached_input
        return ((asked - kept) * self.input + kept * cached + answered * self.output) / _MILLION


def priced(usage: Usage, prices: Mapping[str, Price], *models: object) -> Usage:
    """Return usage with its ``cost``; None as cost means that it is not known.

    Args:
        usage: of one question.
        prices: by the names of models.
        models: names of the model that was asked; the first that has a price counts.
    """
    price = next((prices[model] for model in models if isinstance(model, str) and model in prices), None)
    return {**usage, "cost": None if price is None else price.of(usage)}


def total(one: Usage | None, other: Usage | None) -> Usage | None:
    """Return the sum of two counts, key by key; what is no number is that of the later one.

    A ``cost`` that one of them does not know is not known of the sum.
    """
    if one is None or other is None:
        return one if other is None else other
    return {
        **one,
        **{key: _sum(key, one[key], value) if key in one else value for key, value in other.items()},
    }


def _sum(key: str, one: object, other: object) -> object:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return total(one, other)
    if _is_number(one) and _is_number(other):
        return one + other  # type: ignore[operator]  # both are numbers
    if key == "cost":
        return None
    return one if other is None else other


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
