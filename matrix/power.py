"""What the controls show of the probes: which probe catches which broken bridge, and which catches none.

The kill matrix of mutation testing, with bridges for mutants and probes for tests. What a control names is
held against it in every gate; here every probe meets every control.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matrix.cells import Selection, select
from matrix.claims import cells_of_control, control_entry_point
from matrix.judged import ExitCode
from matrix.model import Cell, Outcome
from matrix.targets import AGENT_RUNTIME, control_name, target_of
from matrix.verdict import Verdict, judge_control

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from matrix.model import Control, Probe
    from matrix.record import Record
    from matrix.registry import Registry

__all__ = ("Catch", "Plan", "Power", "Row", "plan_of", "power_of")

# One where no loop runs and one where one does: what depends on more is in the claims of the controls.
CONTEXTS = ("plain_script", "asyncio_run")


class Catch(enum.Enum):
    """What became of one control under one probe: the word, its sign, and the sign in ASCII."""

    NAMED = ("caught by a probe that it names", "●", "@")
    ALSO = ("caught by another one", "○", "o")
    UNSEEN = ("not seen", "·", ".")
    MISSED = ("not caught by a probe that it names", "✗", "X")
    HELD = ("a near miss that passes", "✓", "+")
    REJECTED = ("a near miss that fails", "✗", "X")
    SPOILT = ("could not be judged", "?", "?")
    MEANINGLESS = ("means nothing here", " ", " ")

    @property
    def word(self) -> str:
        """The words for the legend."""
        return self.value[0]

    def sign(self, *, ascii_only: bool) -> str:
        """Return the one character that stands for this."""
        return self.value[2] if ascii_only else self.value[1]


CAUGHT = frozenset({Catch.NAMED, Catch.ALSO})
WRONG = frozenset({Catch.MISSED, Catch.REJECTED})


@dataclass(frozen=True)
class Plan:
    """Which controls are to meet which probes, and where.

    Attributes:
        controls: in the order of the table's rows.
        probes: in the order of its columns.
        contexts: where all of them meet; besides, each control meets those that it names in its own context.
        cells: all of that.
    """

    controls: tuple[Control, ...]
    probes: tuple[Probe, ...]
    contexts: tuple[str, ...]
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Row:
    """One control, and what became of it under each probe."""

    control: Control
    catches: Mapping[str, Catch]
    outcomes: Mapping[str, Mapping[str, Outcome]]

    @property
    def claims(self) -> bool:
        """Whether it names any of the probes that it met: without that, nothing of them is shown by it."""
        return any(name in self.catches for name in self.control.caught_by)

    @property
    def named(self) -> list[str]:
        """The probes that caught it as it says they must."""
        return self._with(Catch.NAMED)

    @property
    def others(self) -> list[str]:
        """The probes that caught it without being named."""
        return self._with(Catch.ALSO)

    @property
    def wrong(self) -> list[str]:
        """The probes that did not do what the control says they must."""
        return [name for name, catch in self.catches.items() if catch in WRONG]

    def _with(self, catch: Catch) -> list[str]:
        return [name for name, one in self.catches.items() if one is catch]


@dataclass(frozen=True)
class Power:
    """The whole table, and what it comes to."""

    plan: Plan
    rows: tuple[Row, ...]
    interrupted: bool = False

    @property
    def broken(self) -> list[Row]:
        """The broken bridges that name any of the probes."""
        return [row for row in self.rows if row.claims]

    @property
    def near_misses(self) -> list[Row]:
        """The right ones."""
        return [row for row in self.rows if row.control.near_miss]

    @property
    def caught(self) -> list[Row]:
        """The broken bridges that some probe caught."""
        return [row for row in self.broken if CAUGHT & set(row.catches.values())]

    @property
    def uncaught(self) -> list[Row]:
        """The broken bridges that no probe caught."""
        return [row for row in self.broken if row not in self.caught]

    @property
    def idle(self) -> list[Probe]:
        """The probes that caught no broken bridge at all."""
        return [probe for probe in self.plan.probes if not self.catches_of(probe)]

    def catches_of(self, probe: Probe) -> list[Row]:
        """Return the broken bridges that a probe caught."""
        return [row for row in self.rows if not row.control.near_miss and row.catches[probe.name] in CAUGHT]

    @property
    def exit_code(self) -> ExitCode:
        """What the command ends with."""
        if self.interrupted:
            return ExitCode.INTERRUPTED
        wrong = self.uncaught or any(row.wrong for row in self.rows)
        return ExitCode.BROKEN if wrong else ExitCode.EXPECTED


def plan_of(
    registry: Registry,
    *,
    controls: Sequence[str] = (),
    contexts: Sequence[str] = (),
    probes: Sequence[str] = (),
) -> Plan:
    """Return what is to be run; each argument holds names or patterns, and is everything when it is empty.

    Without ``contexts``, those two where most of it shows.

    Raises:
        SelectionError: a pattern matches no name.
    """
    words = [word for patterns in controls for word in patterns.split(",") if word]
    targets = [word if ":" in word else f"*:{word}" for word in words] or ["*:*"]
    known = registry.controls()
    found = dict.fromkeys(cell.target for cell in select(registry, Selection(targets=tuple(targets))))
    chosen = [known[name] for name in (control_name(target) for target in found) if name is not None]
    own = select(registry, Selection((AGENT_RUNTIME,), (), tuple(contexts) or CONTEXTS, tuple(probes)))
    places, names = dict.fromkeys(cell.context for cell in own), dict.fromkeys(cell.probe for cell in own)
    entry_point = control_entry_point(registry)
    cells: dict[Cell, None] = {}
    for control in chosen:
        target = target_of(control)
        cells |= dict.fromkeys(cell for cell in cells_of_control(registry, control) if cell.probe in names)
        cells |= {Cell(target, entry_point, place, name): None for place in places for name in names}
    statements = [probe for name, probe in registry.probes().items() if name in names]
    return Plan(tuple(chosen), tuple(statements), tuple(places), tuple(cells))


def power_of(plan: Plan, records: Iterable[Record], *, interrupted: bool = False) -> Power:
    """Return what the records of a plan's cells come to."""
    by_target: dict[str, list[Record]] = {}
    for record in records:
        by_target.setdefault(record.cell.target, []).append(record)
    rows = tuple(
        _row(control, plan.probes, by_target.get(target_of(control), [])) for control in plan.controls
    )
    return Power(plan, rows, interrupted)


def _row(control: Control, probes: Iterable[Probe], records: Sequence[Record]) -> Row:
    outcomes: dict[str, dict[str, Outcome]] = {}
    for record in records:
        outcomes.setdefault(record.cell.context, {})[record.cell.probe] = record.outcome
    catch = _near_miss if control.near_miss else _broken
    catches = {
        probe.name: catch(control, [record for record in records if record.cell.probe == probe.name])
        for probe in probes
    }
    return Row(control, catches, outcomes)


def _broken(control: Control, records: Sequence[Record]) -> Catch:
    """Return what became of a broken bridge under one probe, in all the contexts where they met."""
    claimed = [
        one for one in records if one.cell.context == control.context and one.cell.probe in control.caught_by
    ]
    if claimed and claimed[0].outcome is not Outcome.SKIP:
        return Catch.NAMED if _is_caught(claimed[0]) else Catch.MISSED
    if any(_is_caught(one) for one in records):
        return Catch.ALSO
    return _nothing_of(records) or Catch.UNSEEN


def _near_miss(control: Control, records: Sequence[Record]) -> Catch:
    """Return what became of a right bridge under one probe; where it promises nothing, it may fail."""
    failed = any(_is_caught(one) or one.outcome is Outcome.REFUSED for one in records)
    if failed:
        return Catch.ALSO if records[0].cell.probe in control.without else Catch.REJECTED
    return _nothing_of(records) or Catch.HELD


def _nothing_of(records: Sequence[Record]) -> Catch | None:
    """Return what to say where nothing was judged."""
    if any(one.outcome is Outcome.ERROR for one in records) or not records:
        return Catch.SPOILT
    return Catch.MEANINGLESS if all(one.outcome is Outcome.SKIP for one in records) else None


def _is_caught(record: Record) -> bool:
    return record.outcome is not Outcome.SKIP and judge_control(record.outcome, record.phase) is Verdict.OK
