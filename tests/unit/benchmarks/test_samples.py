"""Medians, quartiles and ratios round by round."""

from __future__ import annotations

import pytest

from benchmarks.model import Spread
from benchmarks.samples import ratios, spread


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param([7.0], Spread(7.0, 7.0, 7.0), id="one_value"),
        pytest.param([1.0, 3.0], Spread(2.0, 1.5, 2.5), id="two_values"),
        pytest.param([5.0, 1.0, 4.0, 2.0, 3.0], Spread(3.0, 2.0, 4.0), id="any_order"),
        pytest.param([2.0, 2.0, 2.0, 2.0, 1000.0], Spread(2.0, 2.0, 2.0), id="an_outlier_changes_nothing"),
    ],
)
def test_spread_is_median_and_quartiles(values: list[float], expected: Spread) -> None:
    assert spread(values) == expected


def test_ratios_compare_with_the_unit_of_the_same_round() -> None:
    assert ratios([10.0, 40.0], [5.0, 10.0]) == [2.0, 4.0]


def test_ratios_refuse_rounds_that_do_not_pair_up() -> None:
    with pytest.raises(ValueError, match="shorter"):
        ratios([10.0, 40.0], [5.0])
