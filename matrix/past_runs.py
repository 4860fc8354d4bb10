"""What ``python -m matrix`` does with runs that are over: compare two, merge shards, put one on a page."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from matrix.compare import compare
from matrix.costs import Costs, costs_of
from matrix.judged import ExitCode
from matrix.merge import MergeError, conclude_parts, read_parts, write_whole
from matrix.page import page_of
from matrix.recorded import read_run
from matrix.results import summary
from matrix.show import Plain

if TYPE_CHECKING:
    import datetime
    from collections.abc import Sequence
    from pathlib import Path

    from matrix.registry import Registry

__all__ = ("compare_runs", "merge_runs", "write_costs", "write_page")


def compare_runs(before: Path, after: Path, *, as_json: bool) -> int:
    """Print what differs between two runs; return 0 when nothing does, else 1.

    Raises:
        RecordedError: a path holds no run.
    """
    found = compare(read_run(before), read_run(after))
    if as_json:
        print(json.dumps(found.as_data(), indent=2))
    else:
        print("\n".join(found.lines()))
    return ExitCode.UNEXPECTED if found.changes else ExitCode.EXPECTED


def merge_runs(
    registry: Registry,
    folders: Sequence[Path],
    *,
    expectations: Path,
    results: Path,
    as_json: bool = False,
    today: datetime.date | None = None,
) -> int:
    """Judge shards as one run, show it, write its files; return the exit code that the whole run would have.

    Raises:
        MergeError: the shards do not make a whole.
        ExpectationsError: the file of expectations is malformed.
    """
    if results.resolve() in {folder.resolve() for folder in folders}:
        raise MergeError([f"{results}: it holds a shard, which would be overwritten; write --results OTHER"])
    parts = read_parts(folders)
    result = conclude_parts(registry, parts, expectations=expectations, today=today)
    result, board, origin = write_whole(registry, parts, result, results)
    if as_json:
        print(json.dumps(summary(result, board, origin), indent=2))
    else:
        Plain(board, sys.stdout).close(result)
    return result.exit_code


def write_costs(registry: Registry, results: Path, *, write: bool) -> int:
    """Print what the hosts and cells of a run have cost, or write it where shards are balanced by it.

    Raises:
        RecordedError: there is no run.
    """
    text = Costs.measured(read_run(results)).as_text()
    if write:
        costs_of(registry).write_text(text, encoding="utf-8", newline="\n")
    else:
        print(text, end="")
    return ExitCode.EXPECTED


def write_page(results: Path, *, against: Path | None, write: Path) -> int:
    """Write the page of a run; with ``against``, an earlier run, also what has changed since.

    Raises:
        RecordedError: a path holds no run.
        OSError: the page cannot be written.
    """
    earlier = None if against is None else read_run(against)
    write.write_text(page_of(read_run(results), earlier), encoding="utf-8")
    return ExitCode.EXPECTED
