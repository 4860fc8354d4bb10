"""What an outcome means to the gate: outcome and expectation in, verdict out, nothing else."""

from __future__ import annotations

import enum

from matrix.model import Outcome, Phase

__all__ = ("Verdict", "judge", "judge_control", "judge_near_miss")


class Verdict(enum.Enum):
    """What an outcome means to the gate; everything but ``ok`` is red."""

    OK = "ok"
    """As it should be, or as the expectations say it still is."""
    REGRESSION = "regression"
    """It failed, and nothing says that it may, or it fails in another way than the expectations say."""
    STALE = "stale"
    """It passes although an expectation says that it fails: delete the entry."""
    BROKEN = "broken"
    """The matrix cannot be believed here: it failed itself, or a control did not come out as it must."""


def judge(got: Outcome, *, expected: Outcome | None = None, alike: bool = True) -> Verdict:
    """Return the verdict on a cell of a real target.

    Args:
        got: what happened.
        expected: what its expectation says, if there is one.
        alike: whether a failure has the signature that the expectation names.
    """
    if got is Outcome.ERROR:
        return Verdict.BROKEN
    if got is Outcome.SKIP:
        return Verdict.OK
    if got is Outcome.PASS:
        return Verdict.OK if expected is None else Verdict.STALE
    return Verdict.OK if got is expected and alike else Verdict.REGRESSION


def judge_control(got: Outcome, phase: Phase | None = None) -> Verdict:
    """Return the verdict on a control: the probe must have noticed, by failing or by never ending.

    A host that could not even be entered, or that fell over afterwards, shows nothing about the probe.
    """
    if got in {Outcome.FAIL, Outcome.SKIP}:
        return Verdict.OK
    if got in {Outcome.HANG, Outcome.CRASH} and phase is Phase.CALL:
        return Verdict.OK
    return Verdict.BROKEN


def judge_near_miss(got: Outcome) -> Verdict:
    """Return the verdict on a right bridge that looks odd: a probe that fails it would fail good work."""
    return Verdict.OK if got in {Outcome.PASS, Outcome.SKIP} else Verdict.BROKEN
