"""How a probe says what it saw: a claim that did not hold, a call that was declined, an observation.

What it can only see at the end of the process, it puts off with :func:`check_at_exit`.
"""

from __future__ import annotations

import atexit
from collections import deque
from collections.abc import Callable

__all__ = (
    "Expected",
    "PutOff",
    "Refused",
    "check_at_exit",
    "expect",
    "observe",
    "take_observations",
    "take_put_off",
)


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


class PutOff:
    """One check that waits for the end of its process.

    Attributes:
        report: who is told what it raised, or None if it held; set by the machine.
    """

    def __init__(self, check: Callable[[], object]) -> None:
        self._check = check
        self.report: Callable[[BaseException | None], object] | None = None

    def run(self) -> None:
        """Be the exit hook: check, and report; never raises."""
        raised: BaseException | None = None
        try:
            self._check()
        except BaseException as error:  # noqa: BLE001 - a claim may end in any exception at all
            raised = error
        if self.report is not None:
            self.report(raised)


_put_off: deque[PutOff] = deque()


def check_at_exit(check: Callable[[], object]) -> None:
    """Check something in an exit hook of this process, registered right now; for isolated probes.

    The cell is judged when its process has ended: it passes if all that was put off has been checked
    and held, and the process ended by itself, with its usual exit code, and without a word.
    """
    put_off = PutOff(check)
    _put_off.append(put_off)
    atexit.register(put_off.run)


def take_put_off() -> list[PutOff]:
    """Return what was put off since the last call and forget it; for the machine."""
    taken = []
    while _put_off:
        taken.append(_put_off.popleft())
    return taken
