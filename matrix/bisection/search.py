"""The two searches, on anything at all: the smallest part that is still the same, and where a row flips."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ("Flip", "Side", "first_flip", "smallest")

T = TypeVar("T")


def smallest(whole: Sequence[T], same: Callable[[tuple[T, ...]], bool]) -> tuple[T, ...]:
    """Return a part of a sequence, in order, that is still the same, and is not without any one element.

    Delta debugging (Zeller and Hildebrandt, 2002): parts first, then what is left without a part, then
    smaller parts. Each part is asked for once. The empty part is asked for first.

    Args:
        whole: what is known to be the same.
        same: whether a part is the same as the whole.
    """
    known: dict[tuple[T, ...], bool] = {tuple(whole): True}

    def asked(part: tuple[T, ...]) -> bool:
        if part not in known:
            known[part] = same(part)
        return known[part]

    left = tuple(whole)
    if asked(()):
        return ()
    count = 2
    while len(left) > 1:
        part, complement = next(
            ((part, is_rest) for part, is_rest in _candidates(left, count) if asked(part)), (None, False)
        )
        if part is not None:
            left = part
            count = min(max(count - 1, 2), len(left)) if complement else 2
        elif count >= len(left):
            break
        else:
            count = min(len(left), 2 * count)
    return left


def _candidates(whole: tuple[T, ...], count: int) -> Iterator[tuple[tuple[T, ...], bool]]:
    """Yield ``count`` parts of about the same length, then what is left without each; and which it is."""
    size, more = divmod(len(whole), count)
    ends = [number * size + min(number, more) for number in range(count + 1)]
    slices = list(pairwise(ends))
    yield from ((whole[begin:end], False) for begin, end in slices)
    yield from ((whole[:begin] + whole[end:], True) for begin, end in slices)


class Side(enum.Enum):
    """On which side of a flip something is."""

    BEFORE = "before"
    AFTER = "after"
    UNKNOWN = "unknown"
    """It cannot be told: it could not be tried, or is like neither end."""


@dataclass(frozen=True)
class Flip:
    """Where a row flips: somewhere after ``last`` and not after ``first``; by index.

    Attributes:
        last: the last one that is known to be on the first side.
        first: the first one that is known to be on the other.
        between: those between, of which it cannot be told; empty where the place is known exactly.
    """

    last: int
    first: int
    between: tuple[int, ...] = ()


def first_flip(count: int, side: Callable[[int], Side]) -> Flip:
    """Return where a row flips whose first is before and whose last is after; binary search.

    Where one cannot be told, its nearest neighbours are asked. If the row flips more than once, one of the
    places is found.

    Args:
        count: how many there are, two or more.
        side: on which side the one with an index is; asked once each, and never for the ends.
    """
    last, first = 0, count - 1
    unknown: set[int] = set()
    while True:
        open_ = [index for index in range(last + 1, first) if index not in unknown]
        if not open_:
            return Flip(last, first, tuple(range(last + 1, first)))
        middle = min(open_, key=lambda index: abs(2 * index - last - first))
        found = side(middle)
        if found is Side.BEFORE:
            last = middle
        elif found is Side.AFTER:
            first = middle
        else:
            unknown.add(middle)
