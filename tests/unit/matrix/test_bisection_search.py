"""The two searches of ``bisect``: the smallest part that is still the same, and where a row flips."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matrix.bisection.search import Flip, Side, first_flip, smallest


@given(whole=st.lists(st.integers(), max_size=12, unique=True), data=st.data())
def test_smallest_part_is_what_the_failure_needs_and_nothing_else(
    whole: list[int], data: st.DataObject
) -> None:
    needed = data.draw(st.sets(st.sampled_from(whole)) if whole else st.just(set[int]()))

    found = smallest(whole, lambda part: needed <= set(part))

    assert set(found) == needed
    assert list(found) == [one for one in whole if one in needed], "the order is kept"


@given(size=st.integers(1, 9), data=st.data())
def test_no_element_of_the_smallest_part_can_be_left_out_whatever_fails(
    size: int, data: st.DataObject
) -> None:
    parts = st.sets(st.integers(0, size - 1)).map(frozenset)
    failing = data.draw(st.sets(parts)) | {frozenset(range(size))}

    found = smallest(range(size), lambda part: frozenset(part) in failing)

    assert frozenset(found) in failing
    assert [one for one in found if frozenset(found) - {one} in failing] == []


def test_no_part_is_tried_twice_nor_the_whole() -> None:
    asked: list[tuple[int, ...]] = []

    def same(part: tuple[int, ...]) -> bool:
        asked.append(part)
        return {2, 5} <= set(part)

    assert smallest(range(8), same) == (2, 5)
    assert len(asked) == len(set(asked))
    assert tuple(range(8)) not in asked


@given(count=st.integers(2, 60), data=st.data())
def test_flip_is_found_between_the_last_before_and_the_first_after(count: int, data: st.DataObject) -> None:
    first_bad = data.draw(st.integers(1, count - 1))
    asked: list[int] = []

    def side(index: int) -> Side:
        asked.append(index)
        return Side.BEFORE if index < first_bad else Side.AFTER

    assert first_flip(count, side) == Flip(first_bad - 1, first_bad)
    assert len(asked) <= (count - 1).bit_length(), "it is a binary search"
    assert not {0, count - 1} & set(asked), "the ends are known"


@given(count=st.integers(2, 30), data=st.data())
def test_what_cannot_be_told_is_named_and_never_taken_for_the_flip(count: int, data: st.DataObject) -> None:
    first_bad = data.draw(st.integers(1, count - 1))
    untold = data.draw(st.sets(st.integers(1, count - 1))) - {count - 1}
    known = [index for index in range(count) if index not in untold]

    def side(index: int) -> Side:
        if index in untold:
            return Side.UNKNOWN
        return Side.BEFORE if index < first_bad else Side.AFTER

    found = first_flip(count, side)

    assert found.last == max(index for index in known if index < first_bad)
    assert found.first == min(index for index in known if index >= first_bad)
    assert found.between == tuple(range(found.last + 1, found.first))


def test_row_of_two_needs_no_look() -> None:
    def side(index: int) -> Side:
        pytest.fail(f"{index} was asked for")

    assert first_flip(2, side) == Flip(0, 1)
