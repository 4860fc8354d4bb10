"""What a step of a search has seen of a cell, performed several times in one place."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matrix.model import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

__all__ = ("Once", "Seen")


@dataclass(frozen=True)
class Once:
    """How a cell came out once.

    Attributes:
        outcome: what happened.
        signature: which failure it is, as the record says; empty for a pass.
        detail: the record's sentence on why.
    """

    outcome: Outcome
    signature: str = ""
    detail: str = ""

    @property
    def word(self) -> str:
        """Outcome and signature; two failures with the same word are the same."""
        return f"{self.outcome.value} {self.signature}".rstrip()


@dataclass(frozen=True)
class Seen:
    """What came of performing a cell in one place.

    Attributes:
        times: how it came out each time; empty where it could not be performed at all.
        trouble: why it could not be performed.
    """

    times: tuple[Once, ...]
    trouble: str = ""

    @classmethod
    def of(cls, perform: Callable[[], Once], times: int) -> Self:
        """Perform a cell as often as asked, or until it comes out otherwise than before."""
        seen: list[Once] = []
        while len(seen) < times and len({one.word for one in seen}) < 2:
            seen.append(perform())
        return cls(tuple(seen))

    @property
    def flaky(self) -> bool:
        """Whether it came out in different ways."""
        return len({one.word for one in self.times}) > 1

    @property
    def tells(self) -> bool:
        """Whether a search can go by it: it was judged, and came out in one way."""
        return bool(self.times) and not self.flaky and self.times[0].outcome not in _NO_VERDICT

    @property
    def word(self) -> str:
        """What was seen, in a few words: how it came out, and how often."""
        if not self.times:
            return f"not performed: {self.trouble}"
        counted = Counter(one.word for one in self.times)
        if self.flaky:
            return "flaky: " + ", ".join(f"{word} {number}x" for word, number in counted.items())
        number = len(self.times)
        return self.times[0].word + (f" ({number} times)" if number > 1 else "")

    @property
    def failure(self) -> str:
        """Outcome and signature; empty where it tells nothing."""
        return self.times[0].word if self.tells else ""

    @property
    def detail(self) -> str:
        """Why it came out so; of the last time, where it is flaky."""
        return self.times[-1].detail if self.times else self.trouble

    def as_data(self) -> dict[str, object]:
        """Return it as plain data."""
        return {
            "outcomes": [one.word for one in self.times],
            "flaky": self.flaky,
            "tells": self.tells,
            "detail": self.detail,
        }


_NO_VERDICT = (Outcome.SKIP, Outcome.ERROR)
