"""How a probe says what it saw: a claim that did not hold, a call that was declined, an observation."""

from __future__ import annotations

from collections import deque

__all__ = ("Expected", "Refused", "expect", "observe", "take_observations")


class Refused(Exception):  # noqa: N818 - it is a finding, not an error of the program
    """The bridge declined the call with an error that says so: the outcome is ``refused``.

    Peers and entry points raise it *from* the error by which their library declines, and only there:
    ``raise Refused(str(error)) from error``. Any other exception is the bridge's or the step's.
    """


class Expected(AssertionError):  # noqa: N818 - it is a finding, not an error of the program
    """A claim did not hold: what was wanted, what was got, and of what."""

    def __init__(self, *, of: str, wanted: str, got: str) -> None:
        super().__init__(of, wanted, got)
        self.of = of
        self.wanted = wanted
        self.got = got

    def __str__(self) -> str:
        return f"{self.of}: wanted {self.wanted}, got {self.got}"


# What the probe of the current cell has seen. One process performs one cell at a time; a deque
# because a probe may observe from many threads. The bound is a guess at what a reader can use.
_seen: deque[tuple[str, str]] = deque(maxlen=200)


def observe(of: str, got: object) -> None:
    """Keep a raw observation for the record of the current cell, whatever its outcome will be."""
    _seen.append((of, repr(got)[:1000]))


def take_observations() -> dict[str, str]:
    """Return what was observed since the last call and forget it; for the machine."""
    seen: dict[str, str] = {}
    while _seen:
        of, got = _seen.popleft()
        seen[of] = got
    return seen


def expect(*, got: object, wanted: object, of: str) -> None:
    """Raise unless ``got`` equals ``wanted``; ``of`` says of what, for the report and the record.

    Raises:
        Expected: the two differ.
    """
    observe(of, got)
    if got != wanted:
        raise Expected(of=of, wanted=repr(wanted), got=repr(got))
