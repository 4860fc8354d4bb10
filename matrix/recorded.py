"""A run read back from its files, for whoever shows or compares runs that are over."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from matrix.model import Cell
from matrix.record import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = (
    "RECORDS",
    "SUMMARY",
    "Recorded",
    "RecordedError",
    "environment_of",
    "read_run",
    "repeat_command",
    "text_of",
)

RECORDS, SUMMARY = "matrix.ndjson", "matrix.json"


class RecordedError(ValueError):
    """Files do not hold a run; the text says which, in which line, and what was expected."""


@dataclass(frozen=True)
class Recorded:
    """One run as its files tell it.

    Attributes:
        name: the path that it was read from.
        records: what ``matrix.ndjson`` holds: one mapping a cell, with its verdict.
        summary: what ``matrix.json`` holds; empty where the run did not come to write it.
        complete: whether the run came to its end and wrote all of it.
    """

    name: str
    records: tuple[Mapping[str, object], ...]
    summary: Mapping[str, object] = field(default_factory=dict)
    complete: bool = True

    def by_cell(self) -> dict[str, Mapping[str, object]]:
        """Return the records by cell; by cell and environment where a cell was judged in several."""
        seen = Counter(text_of(record, "cell") for record in self.records)
        return {
            cell
            if seen[cell := text_of(record, "cell")] == 1
            else f"{cell} on {environment_of(record)}": record
            for record in self.records
        }

    def environments(self) -> list[str]:
        """Return what the cells ran on, the most frequent first."""
        return [name for name, _ in Counter(map(environment_of, self.records)).most_common()]


def text_of(record: Mapping[str, object], name: str) -> str:
    """Return a field as text; an absent one is empty."""
    value = record.get(name)
    return value if isinstance(value, str) else ""


def environment_of(record: Mapping[str, object]) -> str:
    """Return what a record's cell ran on, in a few words."""
    found = record.get("fingerprint")
    fingerprint = found if isinstance(found, dict) else {}
    gil = "" if fingerprint.get("gil", True) else " free-threaded"
    words = [str(fingerprint.get(name, "")) for name in ("implementation", "python")]
    system = fingerprint.get("system")
    return f"{' '.join(words)}{gil}{f' on {system}' if system else ''}".strip()


def repeat_command(cell: Cell) -> str:
    """Return the command that runs a cell again."""
    return f"python -m matrix run --cell {shlex.quote(cell.id)}"


def read_run(path: Path) -> Recorded:
    """Return the run in ``path``: a folder of results, or its ``matrix.ndjson``.

    Raises:
        RecordedError: there is no run, or a line of it is not a record.
    """
    file = path / RECORDS if path.is_dir() else path
    if not file.is_file():
        raise RecordedError(
            f"{file}: there is no such file; name a folder that `python -m matrix run --results` has written"
        )
    lines = file.read_text(encoding="utf-8", errors="replace").split("\n")
    # Each line is written with its end; a rest without one is what a run was writing when it was killed.
    rest = lines.pop()
    records = tuple(_record(file, number, line) for number, line in enumerate(lines, 1) if line.strip())
    if not records:
        raise RecordedError(f"{file}: it holds no record; was the run stopped before its first cell?")
    summary = _summary(file.with_name(SUMMARY))
    whole = not rest.strip() and bool(summary) and summary.get("complete", True) is True
    return Recorded(str(path), records, summary, whole and not summary.get("interrupted"))


def _record(file: Path, number: int, line: str) -> Mapping[str, object]:
    where = f"{file}:{number}"
    try:
        record = json.loads(line)
    except ValueError as error:
        raise RecordedError(f"{where}: not JSON: {error}; expected one record a line") from error
    if not isinstance(record, dict) or not text_of(record, "cell") or not text_of(record, "outcome"):
        raise RecordedError(f"{where}: not a record; expected an object with `cell` and `outcome`")
    if record.get("schema") != SCHEMA:
        raise RecordedError(
            f"{where}: schema {record.get('schema')!r}; this matrix reads {SCHEMA}, so read it with the one"
            " that wrote it"
        )
    try:
        Cell.parse(text_of(record, "cell"))
    except ValueError as error:
        raise RecordedError(f"{where}: {error}") from error
    return record


def _summary(file: Path) -> Mapping[str, object]:
    if not file.is_file():
        return {}
    try:
        summary = json.loads(file.read_text(encoding="utf-8", errors="replace"))
    except ValueError as error:
        raise RecordedError(f"{file}: not JSON: {error}") from error
    return summary if isinstance(summary, dict) else {}
