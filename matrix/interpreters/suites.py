"""The suites that every interpreter has to pass: how each is started, and how what came of it is counted."""

from __future__ import annotations

import contextlib
import enum
import json
import os
import signal
import subprocess
import time
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from matrix.interpreters.environment import Environment

__all__ = ("SUITES", "Result", "Suite", "Verdict", "run_suite")

LIMIT = 3_600.0
"""Seconds for one suite, which takes minutes and has limits of its own: for a suite whose own ones fail."""
LAST_WISH = 30.0
"""Seconds that an interrupted suite gets to end its own child processes; a guess."""


class Verdict(enum.Enum):
    """What an interpreter's run of one suite comes to."""

    PASS = "pass"  # noqa: S105 - a word, not a password
    FAIL = "FAIL"
    LATE = "did not end"
    NOTHING = "ran nothing"


@dataclass(frozen=True)
class Suite:
    """One suite.

    Attributes:
        name: its column in the table.
        command: arguments for the interpreter, given the folder for results.
        count: what came how often, read from that folder; empty if nothing is there.
    """

    name: str
    command: Callable[[Path], Sequence[str]]
    count: Callable[[Path], Mapping[str, int]]


@dataclass(frozen=True)
class Result:
    """What one suite came to on one interpreter.

    Attributes:
        verdict: whether it passed.
        counts: what came how often, as the suite counts.
        seconds: how long it took.
        log: the file with everything that it printed.
    """

    verdict: Verdict
    counts: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    log: Path | None = None

    def __str__(self) -> str:
        counts = ", ".join(f"{number} {word}" for word, number in self.counts.items())
        return f"{self.verdict.value}: {counts}" if counts else self.verdict.value


def run_suite(
    suite: Suite, environment: Environment, folder: Path, *, project: Path, complete: bool
) -> Result:
    """Run one suite in an environment and wait for its end; Ctrl-C ends the suite first.

    Args:
        suite: which.
        environment: where.
        folder: for its files and its log; what an earlier run left there is deleted.
        project: the folder to run in.
        complete: whether every package is installed, so that a missing one is an error in CI.
    """
    _empty(folder)
    log = folder / f"{suite.name}.log"
    variables = environment.variables
    if not complete:
        variables.pop("CI", None)  # the matrix would call the packages that are left out an error
    began = time.monotonic()
    with log.open("w", encoding="utf-8") as output:
        code = _run([str(environment.python), *suite.command(folder)], variables, output.fileno(), project)
    counts = suite.count(folder)
    return Result(_verdict(code, counts), counts, time.monotonic() - began, log)


def _verdict(code: int | None, counts: Mapping[str, int]) -> Verdict:
    if code is None:
        return Verdict.LATE
    if code:
        return Verdict.FAIL
    return Verdict.PASS if counts.get("pass") else Verdict.NOTHING


def _run(command: Sequence[str], variables: Mapping[str, str], output: int, folder: Path) -> int | None:
    """Return the exit code, or None if the limit passed; blocks."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=dict(variables),
        cwd=folder,
        # A group of its own: Ctrl-C reaches it once, through us, and what it leaves can be killed.
        start_new_session=os.name == "posix",
    )
    try:
        return process.wait(LIMIT)
    except subprocess.TimeoutExpired:
        return None
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Have a suite end itself if it is still there, and kill it if it does not."""
    if os.name != "posix":
        process.kill()
        process.wait()
        return
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(LAST_WISH)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _empty(folder: Path) -> None:
    """Make a folder for results that holds none, lest those of an earlier run be counted."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.iterdir():
        if file.is_file():
            file.unlink()


def _count_cells(folder: Path) -> Mapping[str, int]:
    """Return the outcomes of the cells, and how many controls were not noticed."""
    file = folder / "matrix.json"
    if not file.exists():
        return {}
    run = json.loads(file.read_text(encoding="utf-8"))
    counts = dict(run["outcomes"])
    unnoticed = run["controls"]["total"] - run["controls"]["caught"]
    return {**counts, "controls not noticed": unnoticed} if unnoticed else counts


def _count_tests(folder: Path) -> Mapping[str, int]:
    """Return the outcomes of the tests, in the words of the matrix."""
    file = folder / "stress.xml"
    if not file.exists():
        return {}
    words = {"failure": "fail", "error": "error", "skipped": "skip"}
    counted: Counter[str] = Counter()
    for case in ET.parse(file).iter("testcase"):  # noqa: S314 - pytest wrote it, a moment ago
        counted[next((words[child.tag] for child in case if child.tag in words), "pass")] += 1
    return {word: counted[word] for word in ("pass", "fail", "error", "skip") if counted[word]}


SUITES = {
    "contexts": Suite(
        "contexts",
        lambda folder: ("-m", "matrix", "run", "--results", str(folder)),
        _count_cells,
    ),
    "stress": Suite(
        "stress",
        lambda folder: (
            *("-m", "pytest", "-p", "no:cacheprovider", "tests/stress"),
            f"--junitxml={folder / 'stress.xml'}",
        ),
        _count_tests,
    ),
}
"""Every suite by name, in the order in which they run."""
