"""The files of a run: one record a line, a summary as JSON, and what is made of them for readers."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from matrix.accept import FAILURE, FIX, Acceptance
from matrix.record import SCHEMA
from matrix.recorded import RECORDS, SUMMARY, read_run, repeat_command
from matrix.targets import is_control
from matrix.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from matrix.board import Board
    from matrix.judged import Judged, RunResult
    from matrix.origin import Origin

__all__ = ("Results", "summary")

MADE_AT_THE_END = ("matrix.md", "junit.xml", "matrix.html", FIX, FAILURE)


class Results:
    """Writes a run's files into a folder: records while they come, the rest at the end."""

    def __init__(self, folder: Path, fingerprint: Mapping[str, object], origin: Origin | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._fingerprint = fingerprint
        self._origin = origin
        # What an earlier run has left is not of this one. Whatever ends this one, its summary says by then
        # that it has not come to its end.
        for name in (*MADE_AT_THE_END, SUMMARY):
            (folder / name).unlink(missing_ok=True)
        self._summarise(
            {"schema": SCHEMA, "complete": False, "run": _of_origin(origin), "fingerprint": dict(fingerprint)}
        )
        # Text that no encoding knows, a lone surrogate say, stands in JSON as its escape.
        self._records = (folder / RECORDS).open("w", encoding="utf-8", errors="backslashreplace")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._records.close()

    def add(self, judged: Judged) -> None:
        """Write one record; a reader of the file sees it at once."""
        # What the host said of itself is the truth where the two differ: a kernel may be another Python.
        environment = {**self._fingerprint, **judged.record.fingerprint}
        line = judged.record.as_line(
            fingerprint=environment, verdict=judged.verdict.value, **_remarks(judged)
        )
        self._records.write(line)
        self._records.flush()

    def finish(self, result: RunResult, board: Board) -> RunResult:
        """Write the summary, and the run as Markdown, as JUnit XML, as a page, and the patches.

        Return the run with the place of its patches.
        """
        # Not before the first cell has run: to import them takes as long as to run a cell.
        from matrix.junit import junit_of
        from matrix.markdown import run_as_markdown
        from matrix.page import page_of

        acceptance = (result.acceptance or Acceptance()).write(self._folder)
        self._summarise(summary(result, board, self._origin))
        self._write("matrix.md", run_as_markdown(result, board))
        if result.judged:
            run = read_run(self._folder)
            self._write("junit.xml", junit_of(run))
            self._write("matrix.html", page_of(run))
        return replace(result, acceptance=acceptance)

    def _summarise(self, data: Mapping[str, object]) -> None:
        self._write(SUMMARY, json.dumps(data, indent=2, ensure_ascii=False) + "\n")

    def _write(self, name: str, text: str) -> None:
        (self._folder / name).write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")


def _remarks(judged: Judged) -> dict[str, object]:
    """Return what there is to say beyond the record: why a cell is red, or may fail."""
    remarks: dict[str, object] = {}
    if judged.verdict is not Verdict.OK:
        remarks["sentence"] = judged.sentence
    if (known := judged.expectation) is not None:
        remarks["expectation"] = {
            "outcome": known.outcome.value,
            "reason": known.reason,
            "issue": known.issue,
        }
    return remarks


def _of_origin(origin: Origin | None) -> dict[str, object]:
    return {} if origin is None else origin.as_data()


def summary(result: RunResult, board: Board, origin: Origin | None = None) -> dict[str, object]:
    """Return a run as plain data."""
    return {
        "schema": SCHEMA,
        "complete": not result.interrupted,
        "run": _of_origin(origin),
        "exit_code": int(result.exit_code),
        "meaning": result.exit_code.name.lower(),
        "interrupted": result.interrupted,
        "seconds": round(result.seconds, 3),
        "cpu_seconds": round(result.cpu_seconds, 3),
        "performed": result.performed,
        "cells_per_second": round(result.rate, 3),
        "first_cell_seconds": None if result.first_cell is None else round(result.first_cell, 3),
        "fingerprint": dict(result.fingerprint),
        "cells": len(result.judged),
        "outcomes": result.outcomes(),
        "verdicts": result.verdicts(),
        "controls": {
            "total": len(result.controls),
            "caught": sum(one.verdict.value == "ok" for one in result.controls),
        },
        "near_misses": {
            "total": len(result.near_misses),
            "passed": sum(one.verdict.value == "ok" for one in result.near_misses),
        },
        "unexpected": [
            {
                "cell": one.cell.id,
                "outcome": one.record.outcome.value,
                "verdict": one.verdict.value,
                "sentence": one.sentence,
                "repeat": repeat_command(one.cell),
            }
            for one in result.unexpected
        ],
        "catalogue": board.catalogue(),
        "accept": {} if result.acceptance is None else result.acceptance.as_data(),
        "objections": [objection.as_data() for objection in result.objections],
        "results": {
            one.cell.id: one.record.outcome.value for one in result.judged if not is_control(one.cell.target)
        },
    }
