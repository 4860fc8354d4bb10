"""Statistics of noisy measurements: medians and quartiles, for outliers are the system's."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from benchmarks.model import Spread

__all__ = ("ratios", "spread")


def spread(values: Sequence[float]) -> Spread:
    """Return the median and the quartiles of at least one value."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(median, low, high)


def ratios(values: Sequence[float], units: Sequence[float]) -> list[float]:
    """Return each value as a multiple of the unit measured in the same round."""
    return [value / unit for value, unit in zip(values, units, strict=True)]
