"""A plugin of pytest: the tests that failed, one JSON object a line, in the file that a variable names."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

__all__ = ("FILE", "pytest_collectreport", "pytest_configure", "pytest_runtest_logreport")

FILE = "MATRIX_NEWEST_LOG"
"""The variable. It is taken out of the environment, so that a pytest inside of a test writes nothing."""

_to: list[Path] = []


def pytest_configure(config: pytest.Config) -> None:
    """Find out where to write; nothing is written by the workers of xdist, which tell the first process."""
    path = os.environ.pop(FILE, None)
    if path is not None and not hasattr(config, "workerinput"):
        _to.append(Path(path))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note a test that failed."""
    _note(report, str(report.when))


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Note a file whose tests could not be found."""
    _note(report, "collect")


def _note(report: pytest.TestReport | pytest.CollectReport, when: str) -> None:
    if not report.failed or not _to:
        return
    crash = getattr(report.longrepr, "reprcrash", None)
    said = str(report.longrepr) if crash is None else str(crash.message)
    first = next(iter(said.strip().splitlines() if crash else said.strip().splitlines()[-1:]), "")
    line = json.dumps({"test": report.nodeid, "when": when, "said": first[:300]})
    with _to[0].open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")
