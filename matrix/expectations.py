"""Known failures: reads ``expectations.toml`` and finds what it says of a cell.

::

    [[expectation]]
    cells = "agent_runtime/*/jupyter_cell/cancels_on_ctrl_c"   # a cell id; * and ? match within it
    outcome = "hang"                                           # fail, hang, crash or refused
    reason = "the kernel keeps SIGINT to itself until the cell ends"
    issue = "#12"
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from matrix.model import Cell, Outcome
from matrix.targets import CONTROL, is_control

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ("BUILT_IN_EXPECTATIONS", "Expectation", "Expectations", "ExpectationsError")

BUILT_IN_EXPECTATIONS = Path(__file__).with_name("expectations.toml")
EXPECTABLE = (Outcome.FAIL, Outcome.HANG, Outcome.CRASH, Outcome.REFUSED)


class ExpectationsError(Exception):
    """The file of expectations is wrong; every problem is listed with what to write."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(self.problems)


@dataclass(frozen=True)
class Expectation:
    """One known failure."""

    cells: str
    outcome: Outcome
    reason: str
    issue: str

    def covers(self, cell: Cell) -> bool:
        """Whether this entry speaks of a cell."""
        parts = self.cells.split("/")
        return all(map(fnmatchcase, cell.id.split("/"), parts))


@dataclass(frozen=True)
class Expectations:
    """All known failures, at most one for each cell."""

    entries: tuple[Expectation, ...] = ()

    def of(self, cell: Cell) -> Expectation | None:
        """Return what is expected of a cell beyond passing."""
        return next((entry for entry in self.entries if entry.covers(cell)), None)

    @classmethod
    def read(cls, path: Path, *, known: Iterable[Cell]) -> Expectations:
        """Return the expectations in a file, held against all cells that there are.

        Raises:
            ExpectationsError: the file is not TOML, an entry is malformed, matches no cell, or speaks
                of a cell that another entry speaks of too.
        """
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ExpectationsError([f"{path}: not TOML: {error}"]) from error
        found, problems = _entries(data)
        problems += _contradictions(found, known)
        if problems:
            raise ExpectationsError([f"{path}: {problem}" for problem in problems])
        return cls(tuple(entry for _, entry in found))


def _entries(data: dict[str, object]) -> tuple[list[tuple[str, Expectation]], list[str]]:
    """Return the well-formed entries with a name for each, and what is wrong with the others."""
    problems = [
        f"unknown key {key!r}; write [[expectation]] entries only" for key in data if key != "expectation"
    ]
    listed = data.get("expectation", [])
    if not isinstance(listed, list):
        return [], [*problems, "expectation is not a list; write [[expectation]] with two brackets"]
    found = []
    for number, entry in enumerate(listed, 1):
        name = f"entry {number}"
        wrong = _problems(entry) if isinstance(entry, dict) else ["not a table; write [[expectation]]"]
        problems += [f"{name}: {problem}" for problem in wrong]
        if not wrong:
            name += f" ({entry['cells']})"
            found.append((name, Expectation(**{**entry, "outcome": Outcome(entry["outcome"])})))
    return found, problems


def _problems(entry: dict[str, object]) -> list[str]:
    names = [field.name for field in fields(Expectation)]
    problems = [f"unknown key {key!r}; an entry has {', '.join(names)}" for key in entry if key not in names]
    for name in names:
        value = entry.get(name)
        if not isinstance(value, str) or not value.strip():
            problems.append(f'{name} is missing or empty; write {name} = "..."')
    words = [outcome.value for outcome in EXPECTABLE]
    if isinstance(entry.get("outcome"), str) and entry["outcome"] not in words:
        problems.append(f"outcome {entry['outcome']!r} cannot be expected; write one of {', '.join(words)}")
    cells = entry.get("cells")
    if isinstance(cells, str):
        if cells.count("/") != 3:
            problems.append(f"cells {cells!r} is not a pattern; write TARGET/ENTRY_POINT/CONTEXT/PROBE")
        elif fnmatchcase(CONTROL, target := cells.split("/", maxsplit=1)[0]) or is_control(target):
            problems.append(f"cells {cells!r} excuses controls, which nothing may; name a target instead")
    return problems


def _contradictions(found: list[tuple[str, Expectation]], known: Iterable[Cell]) -> list[str]:
    """Return what is wrong with entries in the light of the cells there are."""
    owners: dict[Cell, str] = {}
    cells = tuple(known)
    problems = []
    for name, entry in found:
        covered = [cell for cell in cells if entry.covers(cell)]
        if not covered:
            problems.append(f"{name} matches no cell; delete it, or correct its pattern")
        shared = next((cell for cell in covered if cell in owners), None)
        if shared is not None:
            problems.append(f"{name} and {owners[shared]} both speak of {shared.id}; leave one of them")
        owners.update(dict.fromkeys(covered, name))
    return problems
