"""What is known of one cell after a run, as data that goes into a file and comes back from one."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from matrix.model import Cell, HangClass, Outcome, Phase

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ("SCHEMA", "Record")

# Raised when a field changes its meaning or goes away; a new field does not raise it.
SCHEMA = 2


@dataclass(frozen=True)
class Record:
    """The outcome of one cell and everything raw that was seen of it.

    Attributes:
        cell: which cell.
        outcome: what happened.
        detail: one sentence on why, empty for a pass.
        phase: for a hang or crash, the part of the host's life it fell into.
        hang_class: for a hang, which kind it was.
        evidence: for a hang, what was read of the processes that makes it this kind.
        signature: which failure it is: ten digits that equal ones share, from run to run; from the stacks for
            a hang or crash, from the exception's type and text for ``fail`` and ``refused``.
        second_run: for a hang, whether it came again in a second, instrumented run; empty when none was made.
        explanation: who waits for whom, from the second run.
        task_stacks: where every asyncio task waits, from the second run.
        seconds: how long the check took, by the child's clock, or the supervisor's after a hang.
        entered: for the first cell of a host, seconds from the host's start until the cell began; else 0.
        host: which host of the run performed it, counted from 1; 0 when none did.
        traceback: the check's exception, as Python shows it.
        stacks: every thread's Python stack at a hang.
        strays: processes that went on when the host had ended, if this was its last cell: what each is, and
            when it began. They have been killed.
        output: the end of what the host has written to stdout and stderr; not kept for a pass.
        facts: what was true where the check ran.
        fingerprint: the environment it ran in.
        observations: raw values that the probe saw.
    """

    cell: Cell
    outcome: Outcome
    detail: str = ""
    phase: Phase | None = None
    hang_class: HangClass | None = None
    evidence: str = ""
    signature: str = ""
    second_run: str = ""
    explanation: str = ""
    task_stacks: str = ""
    seconds: float = 0.0
    entered: float = 0.0
    host: int = 0
    traceback: str = ""
    stacks: str = ""
    strays: tuple[str, ...] = ()
    output: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)
    fingerprint: Mapping[str, object] = field(default_factory=dict)
    observations: Mapping[str, object] = field(default_factory=dict)

    def as_data(self) -> dict[str, object]:
        """Return this record as plain data, the schema's version first."""
        return {
            "schema": SCHEMA,
            "cell": self.cell.id,
            "target": self.cell.target,
            "entry_point": self.cell.entry_point,
            "context": self.cell.context,
            "probe": self.cell.probe,
            "outcome": self.outcome.value,
            "detail": self.detail,
            "phase": None if self.phase is None else self.phase.value,
            "hang_class": None if self.hang_class is None else self.hang_class.value,
            "evidence": self.evidence,
            "signature": self.signature,
            "second_run": self.second_run,
            "explanation": self.explanation,
            "seconds": round(self.seconds, 6),
            "entered": round(self.entered, 6),
            "host": self.host,
            "traceback": self.traceback,
            "stacks": self.stacks,
            "task_stacks": self.task_stacks,
            "strays": list(self.strays),
            "output": self.output,
            "facts": dict(self.facts),
            "fingerprint": dict(self.fingerprint),
            "observations": dict(self.observations),
        }

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Record:
        """Return the record that :meth:`as_data` gave; what a run has added to it is left aside.

        Raises:
            ValueError: a field is missing or holds what it cannot.
        """
        try:
            values = {one.name: data[one.name] for one in fields(cls)}
        except KeyError as error:
            raise ValueError(f"{data.get('cell')}: the record has no {error}") from error
        # JSON knows no tuples.
        values = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
        values["cell"] = Cell.parse(str(values["cell"]))
        values["outcome"] = Outcome(values["outcome"])
        values["phase"] = None if values["phase"] is None else Phase(values["phase"])
        values["hang_class"] = None if values["hang_class"] is None else HangClass(values["hang_class"])
        return cls(**values)  # type: ignore[arg-type]  # as the line above has them

    def as_line(self, **more: object) -> str:
        """Return this record as one line of NDJSON, with what a run adds to it."""
        return json.dumps({**self.as_data(), **more}, separators=(",", ":"), ensure_ascii=False) + "\n"
