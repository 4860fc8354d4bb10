"""What ``python -m matrix`` does with runs that are over: compare two of them, put one on a page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from matrix.compare import compare
from matrix.judged import ExitCode
from matrix.page import page_of
from matrix.recorded import read_run

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ("compare_runs", "write_page")


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


def write_page(results: Path, *, against: Path | None, write: Path) -> int:
    """Write the page of a run; with ``against``, an earlier run, also what has changed since.

    Raises:
        RecordedError: a path holds no run.
        OSError: the page cannot be written.
    """
    earlier = None if against is None else read_run(against)
    write.write_text(page_of(read_run(results), earlier), encoding="utf-8")
    return ExitCode.EXPECTED
