"""Parts of a run put together: all of the same code, in the same environment, and no cell missing or double.

Controls are in every part; where they come out differently, the worst of it is what the whole says.
"""

from __future__ import annotations

import datetime
import shlex
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from matrix.board import Board
from matrix.broken import BrokenMatrixError
from matrix.cells import select
from matrix.conditions import Environment
from matrix.expectations import Expectations
from matrix.gate import Gate
from matrix.judged import Judged, RunResult, in_order, judge_record, rank
from matrix.origin import Origin, digest_of
from matrix.record import Record
from matrix.recorded import RecordedError, read_run
from matrix.results import Results
from matrix.targets import is_control

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from matrix.model import Cell
    from matrix.recorded import Recorded
    from matrix.registry import Registry

__all__ = ("MergeError", "Part", "conclude_parts", "read_parts", "verify_parts", "write_whole")

# What parts must have in common, besides the versions of all packages that the whole run involves.
SAME = ("python", "implementation", "gil", "system", "machine")
# How many cells are named one by one in a sentence.
MAX_NAMED = 3


class MergeError(BrokenMatrixError):
    """Parts do not make a whole; every problem is listed with what to do."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(self.problems)


@dataclass(frozen=True)
class Part:
    """What one machine has judged.

    Attributes:
        name: where it comes from: a folder of results, or the number of a shard.
        origin: of which code it is, and of what it is a part.
        fingerprint: what it ran on.
        records: one for each of its cells.
        seconds: how long it took.
        cpu_seconds: processor time of its hosts; 0 where nothing tells.
    """

    name: str
    origin: Origin
    fingerprint: Mapping[str, object]
    records: tuple[Record, ...]
    seconds: float = 0.0
    cpu_seconds: float = 0.0


def read_parts(folders: Iterable[Path]) -> list[Part]:
    """Return the parts that some folders of results hold.

    Raises:
        MergeError: a folder holds no run, or one that was stopped before its end.
    """
    found, problems = [], []
    for folder in folders:
        try:
            found.append(_part(read_run(folder)))
        except (RecordedError, MergeError) as error:
            problems.append(str(error))
    if problems:
        raise MergeError(problems)
    return found


def _part(run: Recorded) -> Part:
    data, fingerprint = run.summary.get("run"), run.summary.get("fingerprint")
    if not isinstance(data, dict) or not isinstance(fingerprint, dict):
        raise MergeError([f"{run.name}: nothing says which code it is of; run it again with this matrix"])
    try:
        origin = Origin.from_data(data)
        records = tuple(Record.from_data(record) for record in run.records)
        Environment.of(fingerprint)
    except (ValueError, KeyError) as error:
        raise MergeError([f"{run.name}: {error}; run it again with this matrix"]) from error
    if not run.complete:
        again = f"{origin.command} --results {shlex.quote(run.name)}"
        raise MergeError(
            [f"{run.name}: partial: it was stopped after {len(records)} cells; run it again: {again}"]
        )
    numbers = [run.summary.get(name, 0.0) for name in ("seconds", "cpu_seconds")]
    seconds, cpu_seconds = (number if isinstance(number, float) else 0.0 for number in numbers)
    return Part(run.name, origin, fingerprint, records, seconds, cpu_seconds)


def verify_parts(registry: Registry, parts: Sequence[Part]) -> None:
    """Hold parts against each other, against this checkout, and against the cells there have to be.

    Raises:
        MergeError: a part is missing, there twice, or does not belong to the others; a cell is missing, or
            judged twice.
    """
    if not parts:
        raise MergeError(["there is no part; name the folders of results of all shards"])
    problems = [*_strangers(registry, parts), *_environments(parts)]
    # What is wrong with parts would be said of each of their cells again.
    problems = problems or _shards(parts) or _cells(registry, parts)
    if problems:
        raise MergeError(problems)


def conclude_parts(
    registry: Registry, parts: Sequence[Part], *, expectations: Path, today: datetime.date | None = None
) -> RunResult:
    """Return the verdict on parts that make a whole, as a run of all their cells would have found it.

    Raises:
        MergeError: they do not make a whole.
        ExpectationsError: the file of expectations is malformed.
        LockError: the lock is not one.
    """
    verify_parts(registry, parts)
    fingerprint = parts[0].fingerprint
    known = replace(Expectations.read(expectations), environment=Environment.of(fingerprint))
    day = today or datetime.datetime.now(datetime.UTC).date()
    gate = Gate(registry, known, day, parts[0].origin.of_the_gate)
    judged = _judged(parts, known)
    # Whatever could be missing in the order of cells, a chain of contexts say, must not be lost here.
    cells = [*select(registry, parts[0].origin.selection), *sorted(one.cell for one in judged)]
    result = RunResult(
        in_order(judged, dict.fromkeys(cells)),
        fingerprint,
        max(part.seconds for part in parts),
        sum(part.cpu_seconds for part in parts),
    )
    return gate.conclude(result)


def write_whole(
    registry: Registry, parts: Sequence[Part], result: RunResult, folder: Path
) -> tuple[RunResult, Board, Origin]:
    """Write the files of a run that parts have made, as if it had been one.

    Return the run with the place of its patches, its board, and where its cells come from.
    """
    origin = replace(parts[0].origin, shard=1, shards=1)
    board = Board(registry, [one.cell for one in result.judged])
    with Results(folder, result.fingerprint, origin) as files:
        for one in result.judged:
            board.finish(one)
            files.add(one)
        return files.finish(result, board), board, origin


def _judged(parts: Iterable[Part], known: Expectations) -> list[Judged]:
    """Return a verdict for each cell; for a control, which every part has judged, the worst of them."""
    found: dict[Cell, Judged] = {}
    for record in _records(parts):
        one = judge_record(record, known)
        if one.cell not in found or rank(one) < rank(found[one.cell]):
            found[one.cell] = one
    return list(found.values())


def _records(parts: Iterable[Part]) -> Iterator[Record]:
    """Yield all records, with hosts counted through."""
    hosts = 0
    for part in parts:
        for record in part.records:
            yield replace(record, host=record.host + hosts) if record.host else record
        hosts += max((record.host for record in part.records), default=0)


def _strangers(registry: Registry, parts: Sequence[Part]) -> list[str]:
    """Return which parts are of other code than this, or of another selection than the first."""
    first = parts[0].origin
    here = Origin.of(registry, first.selection, ())
    problems = [
        f"{part.name}: it is of other code (commit {part.origin.commit or 'unknown'}) than this checkout"
        f" (commit {here.commit or 'unknown'}); merge where that code is checked out, or run it again"
        for part in parts
        if part.origin.code != here.code
    ]
    for part in parts[1:]:
        whole = replace(part.origin, shard=first.shard, code=first.code, commit=first.commit)
        if whole != replace(first, commit=first.commit):
            problems.append(
                f"{part.name}: it is a part of another run than {parts[0].name}: another selection, or"
                f" {part.origin.shards} shards and {part.origin.cells} cells against {first.shards} and"
                f" {first.cells}; run all shards with the same options"
            )
    return problems


def _environments(parts: Sequence[Part]) -> list[str]:
    """Return in what parts ran on something else than the first."""
    first = parts[0]
    problems = []
    for part in parts:
        other = [
            f"{name} {part.fingerprint.get(name)} against {first.fingerprint.get(name)}"
            for name in SAME
            if part.fingerprint.get(name) != first.fingerprint.get(name)
        ]
        own, others = _packages(part), _packages(first)
        other += [
            f"{name} {own.get(name, 'missing')} against {others.get(name, 'missing')}"
            for name in sorted(own.keys() | others.keys())
            if own.get(name) != others.get(name)
        ]
        if other:
            problems.append(
                f"{part.name}: it ran on something else than {first.name}: {', '.join(other)};"
                " run all shards in the same environment"
            )
    return problems


def _packages(part: Part) -> Mapping[str, str]:
    found = part.fingerprint.get("packages")
    return found if isinstance(found, dict) else {}


def _shards(parts: Sequence[Part]) -> list[str]:
    first = parts[0].origin
    count = first.shards
    there: dict[int, list[str]] = {}
    for part in parts:
        there.setdefault(part.origin.shard, []).append(part.name)
    return [
        f"shard {number}/{count} is missing; run it: {replace(first, shard=number).command}"
        for number in range(1, count + 1)
        if number not in there
    ] + [
        f"shard {number}/{count} is there {len(names)} times: {', '.join(names)}; name one of them"
        for number, names in sorted(there.items())
        if len(names) > 1
    ]


def _cells(registry: Registry, parts: Sequence[Part]) -> list[str]:
    """Return which cells are missing, were judged too often, or should not be there."""
    origin = parts[0].origin
    counts = [Counter(record.cell for record in part.records) for part in parts]
    together: Counter[Cell] = sum(counts, Counter())
    controls = {cell for cell in together if is_control(cell.target)}
    problems = []
    if twice := [cell for cell, times in together.items() if times > 1 and cell not in controls]:
        problems.append(f"judged more than once: {_some(twice)}; each shard has cells of its own")
    for part, count in zip(parts, counts, strict=True):
        if wrong := [cell for cell in controls if count[cell] != 1]:
            problems.append(
                f"{part.name}: no record, or several, of {_some(wrong)}; controls run once in every shard, so"
                " run this one again"
            )
    if problems or digest_of(together) == origin.digest:
        return problems
    # Which cells changes concern, only the machine with the changes knows.
    expected = set() if origin.changed else set(select(registry, origin.selection))
    missing, foreign = expected - together.keys(), together.keys() - expected
    if missing:
        problems.append(f"no record of {_some(missing)}; run their shard again")
    if foreign and expected:
        problems.append(f"not of this selection: {_some(foreign)}; name the folders of one run")
    return problems or [f"{len(together)} cells of {origin.cells}, or others; run all shards again"]


def _some(cells: Iterable[Cell]) -> str:
    names = [cell.id for cell in sorted(cells)]
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return ", ".join(names[:MAX_NAMED]) + more
