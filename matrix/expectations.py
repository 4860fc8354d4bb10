"""Known failures: reads ``expectations.toml`` and finds what it says of a cell.

::

    [[expectation]]
    cells = "agent_runtime/*/jupyter_cell/cancels_on_ctrl_c"   # a cell's name, or a list; with * and ?
    outcome = "hang"                                           # fail, hang, crash or refused
    signature = "5c1d09e2ab"                                   # optional: the record's; no other will do
    condition = "python_version < '3.12'"                      # optional: a PEP 508 marker
    packages = ["ipykernel<7"]                                 # optional: PEP 508 requirements
    reason = "the kernel keeps SIGINT to itself until the cell ends"
    issue = "#12"
    expires = 2027-01-31                                       # optional: the last day on which it stands
"""

from __future__ import annotations

import datetime
import tomllib
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from matrix.broken import BrokenMatrixError
from matrix.conditions import Condition, ConditionError
from matrix.model import Cell, Outcome
from matrix.patterns import covers
from matrix.targets import CONTROL, is_control
from matrix.tomllines import Table, tables

if TYPE_CHECKING:
    from matrix.conditions import Environment

__all__ = ("BUILT_IN_EXPECTATIONS", "WHOLE", "Expectation", "Expectations", "ExpectationsError")

BUILT_IN_EXPECTATIONS = Path(__file__).with_name("expectations.toml")
EXPECTABLE = (Outcome.FAIL, Outcome.HANG, Outcome.CRASH, Outcome.REFUSED)
KEYS = ("cells", "outcome", "signature", "condition", "packages", "reason", "issue", "expires")
NEEDED = ("cells", "outcome", "reason", "issue")
WHOLE = Table(0, 0, 0)


class ExpectationsError(BrokenMatrixError):
    """The file of expectations is wrong; every problem is listed with what to write."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(self.problems)


@dataclass(frozen=True)
class Expectation:
    """One known failure.

    Attributes:
        cells: patterns of the cells that it speaks of.
        outcome: what becomes of them.
        reason: what is known of it, in a sentence.
        issue: where it is being worked on.
        signature: which failure it is, as records name it; empty for any with this outcome.
        condition: where it holds.
        expires: the last day on which it stands; None for no such day.
        table: where it stands in its file.
    """

    cells: tuple[str, ...]
    outcome: Outcome
    reason: str
    issue: str
    signature: str = ""
    condition: Condition = field(default=Condition())
    expires: datetime.date | None = None
    table: Table = WHOLE

    @property
    def name(self) -> str:
        """The patterns as one text."""
        return ", ".join(self.cells)

    @property
    def failure(self) -> str:
        """The failure as one text: outcome and signature."""
        return f"{self.outcome.value} {self.signature}".rstrip()

    def covers(self, cell: Cell) -> bool:
        """Whether this entry speaks of a cell, wherever it holds."""
        return any(covers(pattern, cell) for pattern in self.cells)

    def explains(self, outcome: Outcome, signature: str) -> bool:
        """Whether this is the failure that was expected."""
        return outcome is self.outcome and self.signature in ("", signature)


@dataclass(frozen=True)
class Expectations:
    """All known failures of a file.

    Attributes:
        entries: in the order of the file.
        path: the file; None for none.
        environment: where the run took place; None for a place where all conditions hold.
    """

    entries: tuple[Expectation, ...] = ()
    path: Path | None = None
    environment: Environment | None = None

    def of(self, cell: Cell) -> Expectation | None:
        """Return what is expected of a cell beyond passing."""
        return next((entry for entry in self.entries if entry.covers(cell) and self.holds(entry)), None)

    def holds(self, entry: Expectation) -> bool:
        """Whether the condition of an entry is true of the run's environment."""
        return self.environment is None or entry.condition.holds_in(self.environment)

    @property
    def distributions(self) -> list[str]:
        """The packages whose versions the conditions ask for."""
        return sorted({name for entry in self.entries for name in entry.condition.distributions})

    @classmethod
    def read(cls, path: Path) -> Expectations:
        """Return the expectations in a file, for a place where all conditions hold.

        Raises:
            ExpectationsError: the file is not TOML, or an entry is malformed.
        """
        if not path.is_file():
            return cls(path=path)
        try:
            return cls.parse(path.read_text(encoding="utf-8"), path)
        except UnicodeDecodeError as error:
            raise ExpectationsError([f"{path}: not TOML: {error}"]) from error

    @classmethod
    def parse(cls, text: str, path: Path) -> Expectations:
        """Return the expectations in the text of a file; raises as :meth:`read` does."""
        try:
            data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ExpectationsError([f"{path}: not TOML: {error}"]) from error
        found, problems = _entries(data, tables(text, "expectation"))
        if problems:
            raise ExpectationsError([f"{path}:{problem}" for problem in problems])
        return cls(tuple(found), path)


def _entries(data: dict[str, object], places: list[Table]) -> tuple[list[Expectation], list[str]]:
    """Return the well-formed entries, and what is wrong with the others, each after its line."""
    problems = [
        f"1: unknown key {key!r}; write [[expectation]] entries only" for key in data if key != "expectation"
    ]
    listed = data.get("expectation", [])
    if not isinstance(listed, list):
        return [], [*problems, "1: expectation is not a list; write [[expectation]] with two brackets"]
    if len(places) != len(listed):
        return [], [
            *problems,
            f"1: {len(listed)} entries, {len(places)} headings; write [[expectation]] above each entry",
        ]
    found = []
    for table, entry in zip(places, listed, strict=True):
        wrong = _problems(entry, table)
        problems += wrong
        if not wrong:
            found.append(_expectation(entry, table))
    return found, problems


def _expectation(entry: dict[str, object], table: Table) -> Expectation:
    """Return an entry without problems as an expectation."""
    cells, packages = entry["cells"], entry.get("packages", [])
    expires = entry.get("expires")
    assert isinstance(packages, list)
    return Expectation(
        cells=(cells,) if isinstance(cells, str) else tuple(cells),  # type: ignore[arg-type]  # checked
        outcome=Outcome(entry["outcome"]),
        reason=str(entry["reason"]),
        issue=str(entry["issue"]),
        signature=str(entry.get("signature", "")),
        condition=Condition(str(entry.get("condition", "")), tuple(packages)),
        expires=expires if isinstance(expires, datetime.date) else None,
        table=table,
    )


def _problems(entry: dict[str, object], table: Table) -> list[str]:
    """Return what is wrong with an entry, each with its line and what to write."""
    found: list[tuple[str, str]] = [
        (key, f"unknown key {key!r}; an entry has {', '.join(KEYS)}") for key in entry if key not in KEYS
    ]
    found += [(key, f'{key} is missing; write {key} = "..."') for key in NEEDED if key not in entry]
    for key, value in entry.items():
        check = _CHECKS.get(key)
        problem = None if check is None else check(key, value)
        if problem:
            found.append((key, problem))
        if key not in table.keys:
            found.append((key, f"{key} stands where it is not found; write {key} = ... on a line of its own"))
    return [f"{table.keys.get(key, (table.heading,))[0] + 1}: {problem}" for key, problem in found]


def _text(key: str, value: object) -> str | None:
    if not isinstance(value, str):
        return f'{key} is not a text; write {key} = "..."'
    return None if value.strip() else f"{key} is empty; {_ASKED[key]}"


_ASKED = {
    "reason": "say in a sentence what is known of the failure, or repair it",
    "issue": 'name where it is being worked on: issue = "#12"',
    "signature": "copy it from the record, or leave the line out",
    "condition": "write, for example, condition = \"python_version < '3.12'\", or leave the line out",
}


def _outcome(key: str, value: object) -> str | None:
    words = [outcome.value for outcome in EXPECTABLE]
    return None if value in words else f"{key} {value!r} cannot be expected; write one of {', '.join(words)}"


def _cells(key: str, value: object) -> str | None:
    patterns = value if isinstance(value, list) else [value]
    if not patterns:
        return f'{key} is empty; write {key} = "TARGET/ENTRY_POINT/CONTEXT/PROBE"'
    for pattern in patterns:
        if not isinstance(pattern, str) or pattern.count("/") != 3:
            return f"{key} {pattern!r} is not a pattern; write TARGET/ENTRY_POINT/CONTEXT/PROBE"
        target = pattern.split("/", maxsplit=1)[0]
        if fnmatchcase(CONTROL, target) or is_control(target):
            return f"{key} {pattern!r} excuses controls, which nothing may; name a target instead"
    return None


def _condition(key: str, value: object) -> str | None:
    problem = _text(key, value)
    return problem if problem else _verified(key, Condition(marker=str(value)))


def _packages(key: str, value: object) -> str | None:
    if not isinstance(value, list) or not value or not all(isinstance(one, str) for one in value):
        return f'{key} is not a list of requirements; write {key} = ["ipykernel<7"]'
    return _verified(key, Condition(packages=tuple(value)))


def _verified(key: str, condition: Condition) -> str | None:
    try:
        condition.verify()
    except ConditionError as error:
        return f"{key}: {error}"
    return None


def _expires(key: str, value: object) -> str | None:
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return None
    return f"{key} is not a day; write {key} = 2027-01-31, without quotes"


_CHECKS = {
    "cells": _cells,
    "outcome": _outcome,
    "signature": _text,
    "condition": _condition,
    "packages": _packages,
    "reason": _text,
    "issue": _text,
    "expires": _expires,
}
