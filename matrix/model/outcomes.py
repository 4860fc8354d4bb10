"""What happened in a cell: its outcome, and for a hang or crash when it came and of which kind it is."""

from __future__ import annotations

import enum

__all__ = ("HangClass", "Outcome", "Phase")


class Outcome(enum.Enum):
    """What happened in one cell."""

    PASS = "pass"  # noqa: S105 - a word, not a password
    """The probe's claim held."""
    FAIL = "fail"
    """The claim did not hold."""
    HANG = "hang"
    """The limit passed and the process group was killed."""
    CRASH = "crash"
    """The process died."""
    REFUSED = "refused"
    """The entry point declined with an error that says so."""
    SKIP = "skip"
    """The cell means nothing here, for a stated reason."""
    ERROR = "error"
    """The matrix itself failed; never hidden by any expectation."""


class Phase(enum.Enum):
    """Which part of a child's life a hang or crash fell into; each has its own limit."""

    ENTER = "enter"
    CALL = "call"
    EXIT = "exit"


class HangClass(enum.Enum):
    """Which kind of hang it was, read from outside; ``docs/matrix.md`` defines each by what is read."""

    DEADLOCK = "deadlock"
    """Every thread sleeps, and nothing that could wake one can come from outside or from a clock."""
    STALLED = "stalled"
    """Every thread sleeps, and something that could still come is waited for."""
    SPINNING = "spinning"
    """A thread uses a processor all the time."""
    STARVED = "starved"
    """A thread is ready to run and is kept from it: by other processes, or by the interpreter's lock."""
    STOPPED = "stopped"
    """A signal has stopped the process."""
    UNKNOWN = "unknown"
    """This system does not tell, or the process could not be looked at."""
