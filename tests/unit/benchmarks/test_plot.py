"""Labels of lines that end close together do not lie on each other."""

from __future__ import annotations

import pytest

from benchmarks.plot import spaced


def test_labels_far_apart_stay_where_they_are() -> None:
    assert spaced({"a": 1.0, "b": 2.0}, factor=1.5) == {"a": 1.0, "b": 2.0}


def test_labels_on_one_spot_move_up_in_order() -> None:
    placed = spaced({"upper": 1.01, "lower": 1.0, "top": 1.02}, factor=1.1)

    assert placed == pytest.approx({"lower": 1.0, "upper": 1.1, "top": 1.21})
