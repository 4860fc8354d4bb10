"""The files of a run: one record a line, a summary as JSON, a grid as Markdown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from matrix.markdown import run_as_markdown
from matrix.perform import CONTROL
from matrix.record import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from matrix.board import Board
    from matrix.judged import Judged, RunResult

__all__ = ("Results", "repeat_command", "summary")


class Results:
    """Writes a run's files into a folder: records while they come, the rest at the end."""

    def __init__(self, folder: Path, fingerprint: Mapping[str, object]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._fingerprint = fingerprint
        self._records = (folder / "matrix.ndjson").open("w", encoding="utf-8")

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
        line = judged.record.as_line(fingerprint=environment, verdict=judged.verdict.value)
        self._records.write(line)
        self._records.flush()

    def finish(self, result: RunResult, board: Board) -> None:
        """Write the summary and the grid."""
        text = json.dumps(summary(result), indent=2, ensure_ascii=False)
        (self._folder / "matrix.json").write_text(text + "\n", encoding="utf-8")
        (self._folder / "matrix.md").write_text(run_as_markdown(result, board), encoding="utf-8")


def repeat_command(judged: Judged) -> str:
    """Return the command that runs this cell again."""
    return f"python -m matrix run --cell {judged.cell.id}"


def summary(result: RunResult) -> dict[str, object]:
    """Return a run as plain data."""
    return {
        "schema": SCHEMA,
        "exit_code": int(result.exit_code),
        "meaning": result.exit_code.name.lower(),
        "interrupted": result.interrupted,
        "seconds": round(result.seconds, 3),
        "cpu_seconds": round(result.cpu_seconds, 3),
        "performed": result.performed,
        "cells_per_second": round(result.rate, 3),
        "fingerprint": dict(result.fingerprint),
        "cells": len(result.judged),
        "outcomes": result.outcomes(),
        "verdicts": result.verdicts(),
        "controls": {
            "total": len(result.controls),
            "caught": sum(one.verdict.value == "ok" for one in result.controls),
        },
        "unexpected": [
            {
                "cell": one.cell.id,
                "outcome": one.record.outcome.value,
                "verdict": one.verdict.value,
                "sentence": one.sentence,
                "repeat": repeat_command(one),
            }
            for one in result.unexpected
        ],
        "objections": [objection.as_data() for objection in result.objections],
        "results": {
            one.cell.id: one.record.outcome.value for one in result.judged if one.cell.target != CONTROL
        },
    }
