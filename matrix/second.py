"""The second run of a cell that hung: instrumented, alone in a fresh host, for what the first cannot tell."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from matrix.model import Outcome
from matrix.onlooker import ASLEEP
from matrix.stacks import frames_of_dumps, signature_of_stacks
from matrix.targets import is_broken
from matrix.testimony import Testimony, read_testimony

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matrix.batch import Batch
    from matrix.record import Record

__all__ = ("Case", "cases")


@dataclass(frozen=True)
class Case:
    """Hung cells that have one cause, and what their host left.

    Attributes:
        records: of the first run: one, or those of all cells of a host that could not be entered.
        dumps: the stacks that the host of the first run has dumped.
        batch: what the second run performs.
    """

    records: tuple[Record, ...]
    dumps: tuple[str, ...]
    batch: Batch

    def closed(self, again: Sequence[Record], testimony: bytes | None) -> list[Record]:
        """Return the records of the first run with what the second has shown."""
        first = self.records[0]
        came = next((record for record in again if record.cell == first.cell), None)
        if came is None:
            return [replace(record, second_run="ended without a record") for record in self.records]
        if (came.outcome, came.phase) != (first.outcome, first.phase):
            phase = f" in {came.phase.value}" if came.phase is not None else ""
            sentence = f"did not repeat: alone in a fresh host the cell ended in {came.outcome.value}{phase}"
            return [replace(record, second_run=sentence) for record in self.records]
        told = _read(testimony)
        if isinstance(told, str):
            return [replace(one, second_run="repeated", explanation=told) for one in self.records]
        tasks = [task.stack for task in told.tasks if not task.running]
        signature = signature_of_stacks(frames_of_dumps(self.dumps), tasks, lines=first.hang_class in ASLEEP)
        return [
            replace(
                record,
                second_run="repeated",
                explanation=told.explanation(),
                task_stacks=told.task_stacks(),
                signature=signature,
            )
            for record in self.records
        ]


def cases(records: Iterable[Record], batch: Batch, dumps: Iterable[bytes]) -> tuple[list[Record], list[Case]]:
    """Tell the records of one host that are final from those that a second run may explain.

    A control's hang needs no explanation: its bridge is broken on purpose.
    """
    final: list[Record] = []
    hung: list[Record] = []
    for record in records:
        is_hang = record.outcome is Outcome.HANG and not is_broken(record.cell.target)
        (hung if is_hang else final).append(record)
    if not hung:
        return final, []
    texts = tuple(dump.decode(errors="replace") for dump in dumps)
    return final, [Case(tuple(hung), texts, replace(batch, cells=(hung[0].cell,)))]


def _read(testimony: bytes | None) -> Testimony | str:
    if testimony is None:
        return (
            "the hung process did not tell where it waits: no Python code seems to run in it,"
            " as when a thread keeps the interpreter to itself; see the stacks"
        )
    return read_testimony(testimony)
