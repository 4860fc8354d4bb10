"""A finished cell with what it means, and what a whole run means: counts, verdicts, the exit code."""

from __future__ import annotations

import enum
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from matrix.model import Outcome
from matrix.targets import CONTROL, is_broken, is_control, is_near_miss
from matrix.verdict import Verdict, judge, judge_control, judge_near_miss

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from matrix.accept import Acceptance
    from matrix.expectations import Expectation, Expectations
    from matrix.model import Cell
    from matrix.objection import Objection
    from matrix.record import Record

__all__ = ("ExitCode", "Judged", "RunResult", "in_order", "judge_record", "rank")


class ExitCode(enum.IntEnum):
    """What ``python -m matrix`` ends with."""

    EXPECTED = 0
    UNEXPECTED = 1
    USAGE = 2
    BROKEN = 3
    INTERRUPTED = 130
    PIPE = 141


@dataclass(frozen=True)
class Judged:
    """One record and the verdict on it."""

    record: Record
    verdict: Verdict
    expectation: Expectation | None = None

    @property
    def cell(self) -> Cell:
        """Which cell."""
        return self.record.cell

    @property
    def uncaught(self) -> bool:
        """Whether this is a broken bridge that its probe did not notice."""
        return is_broken(self.cell.target) and self.record.outcome is Outcome.PASS

    @property
    def rejected(self) -> bool:
        """Whether this is a right bridge, among the controls, that a probe failed."""
        return is_near_miss(self.cell.target) and self.verdict is not Verdict.OK

    @property
    def sentence(self) -> str:
        """What there is to say of this cell in one line."""
        record = self.record
        if self.uncaught:
            bridge = "its own" if self.cell.target == CONTROL else "this"
            return (
                f"uncaught control: the probe passes on {bridge} broken bridge, so its passes prove nothing"
            )
        if self.verdict is Verdict.STALE and self.expectation is not None:
            return f"passes, although the expectation {self.expectation.name!r} says not; delete the entry"
        phase = f" in {record.phase.value}" if record.phase is not None else ""
        known = ""
        if self.expectation is not None:
            known = f" {record.signature}".rstrip() + f" (expected is {self.expectation.failure})"
        said = f"{record.outcome.value}{phase}{known}: {record.detail}".rstrip(": ")
        if self.rejected and record.outcome is not Outcome.ERROR:
            return f"rejected near miss: this bridge is right, so the probe's failures prove nothing: {said}"
        return said


def judge_record(record: Record, expectations: Expectations) -> Judged:
    """Return the verdict on one record in the light of the known failures."""
    if is_broken(record.cell.target):
        return Judged(record, judge_control(record.outcome, record.phase))
    if is_near_miss(record.cell.target):
        return Judged(record, judge_near_miss(record.outcome))
    entry = expectations.of(record.cell)
    if entry is None:
        return Judged(record, judge(record.outcome))
    alike = entry.explains(record.outcome, record.signature)
    return Judged(record, judge(record.outcome, expected=entry.outcome, alike=alike), entry)


@dataclass(frozen=True)
class RunResult:
    """All that a run has found.

    Attributes:
        judged: every finished cell, in order of selection.
        fingerprint: what it ran on.
        seconds: how long it took.
        cpu_seconds: processor time of all hosts and their descendants; 0 where the system does not tell.
        interrupted: whether it was stopped before its end.
        first_cell: seconds from the start of the command's process to the record of the first cell that a
            host has performed; None where none has, or where the system does not tell.
        objections: what is wrong with the files that the gate goes by; each makes the run red.
        acceptance: the patches that would make it green.
    """

    judged: tuple[Judged, ...]
    fingerprint: Mapping[str, object] = field(default_factory=dict)
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    interrupted: bool = False
    first_cell: float | None = None
    objections: tuple[Objection, ...] = ()
    acceptance: Acceptance | None = None

    @property
    def unexpected(self) -> list[Judged]:
        """Return what makes the run red, controls that prove the probes wrong before everything else."""
        red = [one for one in self.judged if one.verdict is not Verdict.OK]
        return sorted(red, key=rank)

    @property
    def controls(self) -> list[Judged]:
        """Return the broken bridges that ran."""
        return [one for one in self.judged if is_broken(one.cell.target) and _ran(one)]

    @property
    def near_misses(self) -> list[Judged]:
        """Return the right bridges, among the controls, that ran."""
        return [one for one in self.judged if is_near_miss(one.cell.target) and _ran(one)]

    @property
    def performed(self) -> int:
        """Return how many cells a host has performed; the others were settled before."""
        return sum(one.record.host > 0 for one in self.judged)

    @property
    def rate(self) -> float:
        """Return how many cells were performed in a second."""
        return self.performed / self.seconds if self.seconds else 0.0

    @property
    def exit_code(self) -> ExitCode:
        """Return what the command ends with."""
        if self.interrupted:
            return ExitCode.INTERRUPTED
        verdicts = {one.verdict for one in self.judged}
        if Verdict.BROKEN in verdicts:
            return ExitCode.BROKEN
        red = verdicts - {Verdict.OK} or self.objections
        return ExitCode.UNEXPECTED if red else ExitCode.EXPECTED

    @property
    def closing_word(self) -> str:
        """Return the run in a word or two, for the end of a report and the head of a page."""
        counts = {"unexpected": len(self.unexpected), "to correct": len(self.objections)}
        red = ", ".join(f"{number} {word}" for word, number in counts.items() if number)
        return "interrupted" if self.interrupted else red or "all as expected"

    def outcomes(self) -> dict[str, int]:
        """Return how often each outcome came, controls left out."""
        counted = Counter(one.record.outcome for one in self.judged if not is_control(one.cell.target))
        return {outcome.value: counted[outcome] for outcome in Outcome if counted[outcome]}

    def verdicts(self) -> dict[str, int]:
        """Return how often each verdict came."""
        counted = Counter(one.verdict for one in self.judged)
        return {verdict.value: counted[verdict] for verdict in Verdict if counted[verdict]}


def rank(one: Judged) -> tuple[bool, bool, bool]:
    """Return the order in which red cells are to be read: what proves the probes wrong comes first."""
    return (not one.uncaught, not one.rejected, one.verdict is not Verdict.BROKEN)


def _ran(one: Judged) -> bool:
    return one.record.outcome is not Outcome.SKIP


def in_order(judged: Iterable[Judged], cells: Iterable[Cell]) -> tuple[Judged, ...]:
    """Return finished cells in the order in which they were selected."""
    found = {one.cell: one for one in judged}
    return tuple(found[cell] for cell in cells if cell in found)
