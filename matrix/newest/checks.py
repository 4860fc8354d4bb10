"""Run gate, tests and lint in an environment, whole or the red part of it, and say what is red."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from matrix.bisection.environments import CODE
from matrix.newest.pytest_log import FILE
from matrix.python_path import python_path
from matrix.recorded import RecordedError, read_run, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ("KINDS", "Checks", "Red")

KINDS = ("gate", "tests", "lint")


@dataclass(frozen=True, order=True)
class Red:
    """Something that is red.

    Attributes:
        kind: ``cell``, ``test`` or ``command``.
        name: the cell, the test, or the command.
        word: which failure it is; two with the same word are the same.
        said: more of it, for readers.
    """

    kind: str
    name: str
    word: str
    said: str = field(default="", compare=False)


@dataclass(frozen=True)
class Checks:
    """What is run, in any environment that has what it needs.

    Attributes:
        project: the folder in which it is run.
        tests: further arguments for pytest.
        gate: further arguments for ``python -m matrix run``.
        lint: the commands of lint, each with its arguments.
        kinds: which of KINDS are run.
    """

    project: Path
    tests: tuple[str, ...] = ()
    gate: tuple[str, ...] = ()
    lint: tuple[tuple[str, ...], ...] = ()
    kinds: tuple[str, ...] = KINDS

    def red(self, python: Path, scratch: Path) -> list[Red]:
        """Run everything; return what is red. Blocks for as long as that takes."""
        found: list[Red] = []
        if "gate" in self.kinds:
            found += self._cells(python, scratch, self.gate)
        if "tests" in self.kinds:
            found += self._tests(python, scratch, ["-n", "auto", *self.tests])
        if "lint" in self.kinds:
            found += self._commands(python, self.lint)
        return found

    def again(self, python: Path, scratch: Path, reds: Iterable[Red]) -> list[Red]:
        """Run what was red, and nothing else; return what is red now."""
        by_kind: dict[str, list[str]] = {}
        for red in reds:
            by_kind.setdefault(red.kind, []).append(red.name)
        found: list[Red] = []
        if cells := by_kind.get("cell"):
            found += self._cells(python, scratch, [word for cell in cells for word in ("--cell", cell)])
        if tests := by_kind.get("test"):
            found += self._tests(python, scratch, tests)
        return found + self._commands(python, [shlex.split(one) for one in by_kind.get("command", ())])

    def _cells(self, python: Path, scratch: Path, arguments: Sequence[str]) -> list[Red]:
        results = scratch / "gate"
        (results / "matrix.ndjson").unlink(missing_ok=True)
        command = [str(python), "-m", "matrix", "run", "--results", str(results), *arguments]
        done = self._run(python, command)
        try:
            records = read_run(results).records
        except RecordedError:
            records = ()
        found = [
            Red("cell", text_of(one, "cell"), _word(one), text_of(one, "detail")[:300])
            for one in records
            if text_of(one, "verdict") != "ok"
        ]
        if done.returncode and not found:  # the matrix failed, or a file of its own is to be corrected
            words = ["python", "-m", "matrix", "run", *arguments]
            found = [Red("command", shlex.join(words), f"exit code {done.returncode}", _end_of(done.stdout))]
        return found

    def _tests(self, python: Path, scratch: Path, arguments: Sequence[str]) -> list[Red]:
        scratch.mkdir(parents=True, exist_ok=True)
        log = scratch / "tests.ndjson"
        log.unlink(missing_ok=True)
        command = [str(python), "-m", "pytest", "-q", "-p", "matrix.newest.pytest_log", *arguments]
        done = self._run(python, command, {FILE: str(log.absolute())})
        found = {}
        for line in log.read_text(encoding="utf-8").splitlines() if log.exists() else ():
            said = json.loads(line)
            kind = said["said"].partition(":")[0].strip()
            found[said["test"]] = Red("test", said["test"], f"{said['when']} {kind}", said["said"])
        if done.returncode and not found and done.returncode != _NO_SUCH_TESTS:
            words = shlex.join(["python", "-m", "pytest", "-q", *arguments])
            return [Red("command", words, f"exit code {done.returncode}", _end_of(done.stdout))]
        return list(found.values())

    def _commands(self, python: Path, commands: Iterable[Sequence[str]]) -> list[Red]:
        found = []
        for command in commands:
            done = self._run(python, [str(python) if command[0] == "python" else command[0], *command[1:]])
            if done.returncode:
                word = f"exit code {done.returncode}"
                found.append(Red("command", shlex.join(command), word, _end_of(done.stdout)))
        return found

    def _run(
        self, python: Path, command: Sequence[str], more: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command where the environment's programs come first, and behind them those of this one."""
        variables = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        variables["PATH"] = os.pathsep.join([str(python.parent), variables.get("PATH", "")])
        variables["PYTHONPATH"] = python_path(CODE)
        return subprocess.run(
            command,
            cwd=self.project,
            env={**variables, **(more or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )


_NO_SUCH_TESTS = 4
"""What pytest ends with where a test that is asked for is not there any more."""


def _word(record: object) -> str:
    fields = record if isinstance(record, dict) else {}
    words = (text_of(fields, name) for name in ("verdict", "outcome", "signature"))
    return " ".join(one for one in words if one)


def _end_of(said: str) -> str:
    return "\n".join(said.strip().splitlines()[-12:])
