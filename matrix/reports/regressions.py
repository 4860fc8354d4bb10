"""The files of ``tests/regressions``: each a report, with the cells that show that it does not come back.

::

    id = "closed-loop-in-slot"             # the name of the file, without .toml
    title = "Event loop is closed: run_sync() (script)"
    source = "https://..."                 # optional: where the report stands
    project = "pydantic/pydantic-ai"       # optional
    family = "loop-bound-reuse"
    cells = ["agent_runtime/*/plain_script/ignores_the_current_loop"]
    waits_for = ["context:wsgi_thread"]  # what does not exist and is needed to reproduce it, or all of it
    reason = "why these cells"
"""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from matrix.broken import BrokenMatrixError
from matrix.reports.families import FAMILIES
from matrix.targets import is_control

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matrix.registry import Registry
    from matrix.reports.placing import Placement

__all__ = (
    "Regression",
    "RegressionError",
    "problems_of",
    "read_regressions",
    "regression_of",
    "states",
)

KEYS = ("id", "title", "source", "project", "family", "cells", "waits_for", "reason")
NEEDED = ("id", "title", "family", "reason")
LISTS = ("cells", "waits_for")


class RegressionError(BrokenMatrixError):
    """Files of regressions are wrong; every problem is listed with what to write."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(self.problems)


@dataclass(frozen=True)
class Regression:
    """One report and its cells; the module's docstring shows a file."""

    id: str
    title: str
    family: str
    reason: str
    source: str = ""
    project: str = ""
    cells: tuple[str, ...] = ()
    waits_for: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        """How far it is reproduced: ``mapped``, ``partly`` or ``waiting``."""
        if not self.waits_for:
            return "mapped"
        return "partly" if self.cells else "waiting"

    def as_toml(self) -> str:
        """Return the text of its file."""
        data = asdict(self)
        lines = [f"{key} = {_value(data[key])}" for key in KEYS if data[key]]
        return "\n".join(lines) + "\n"


def regression_of(registry: Registry, placement: Placement) -> Regression:
    """Return a placed report as what its file holds."""
    report, family = placement.report, placement.family
    assert family is not None, "an unplaced report has no file"
    probes = dict.fromkeys(cell.rpartition("/")[2] for cell in placement.cells)
    claims = [registry.probe(name).statement.claim for name in probes]
    told = "; ".join(because.what for because in placement.because)
    reason = told + (f". Must hold: {'; '.join(claims)}" if claims else "")
    subject = f": {report.subject}" if report.subject else ""
    return Regression(
        id=report.id,
        title=report.title or f"{family.sentence}{subject}",
        family=family.name,
        reason=reason,
        source=report.source,
        project=report.project,
        cells=placement.cells,
        waits_for=placement.waits_for,
    )


def read_regressions(folder: Path) -> list[Regression]:
    """Return what the files of a folder hold, by id.

    Raises:
        RegressionError: files are malformed; all of them are listed.
    """
    found, problems = [], []
    for path in sorted(folder.glob("*.toml")):
        try:
            found.append(_read(path))
        except RegressionError as error:
            problems += error.problems
    if problems:
        raise RegressionError(problems)
    return found


def problems_of(registry: Registry, folder: Path) -> list[str]:
    """Return where files speak of cells that there are not, or wait for what is there."""
    return [
        f"{path}:{_lines(path.read_text(encoding='utf-8')).get(key, 1)}: {text}"
        for regression in read_regressions(folder)
        for path in (folder / f"{regression.id}.toml",)
        for key, text in _contradictions(registry, regression)
    ]


def _contradictions(registry: Registry, regression: Regression) -> Iterator[tuple[str, str]]:
    for pattern in regression.cells:
        if not _some_cell(registry, pattern):
            yield (
                "cells",
                f"{pattern!r} names no cell that claims anything; see `python -m matrix list`",
            )
    for waited in regression.waits_for:
        kind, _, name = waited.partition(":")
        if name in registry.names(f"{kind}s"):
            yield (
                "waits_for",
                f"matrix/{kind}s/{name}.py is there now; add its cells, and delete {waited!r} here",
            )


def _some_cell(registry: Registry, pattern: str) -> bool:
    """Whether a pattern names a cell that means something, on whatever system."""
    target, entry_point, context, probe = pattern.split("/")
    targets = ["agent_runtime", *registry.names("peers")]
    contexts = [one for name, one in registry.contexts().items() if fnmatchcase(name, context)]
    probes = [one for name, one in registry.probes().items() if fnmatchcase(name, probe)]
    return (
        any(fnmatchcase(name, target) for name in targets)
        and any(fnmatchcase(name, entry_point) for name in registry.names("entry_points"))
        and any(one.skip_when(place.facts) is None for one in probes for place in contexts)
    )


def _read(path: Path) -> Regression:
    text = path.read_text(encoding="utf-8", errors="replace")
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        at = line[1] if line else len(text.splitlines()) or 1
        raise RegressionError([f"{path}:{at}: not TOML: {error}"]) from error
    lines = _lines(text)
    problems = [f"{path}:{lines.get(key, 1)}: {problem}" for key, problem in _problems(path, data)]
    if problems:
        raise RegressionError(problems)
    texts = {key: str(value) for key, value in data.items() if key not in LISTS}
    lists = {key: tuple(map(str, data.get(key, ()))) for key in LISTS}
    return Regression(
        texts["id"],
        texts["title"],
        texts["family"],
        texts["reason"],
        texts.get("source", ""),
        texts.get("project", ""),
        cells=lists["cells"],
        waits_for=lists["waits_for"],
    )


def _problems(path: Path, data: dict[str, object]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a file, each with the key that it is about."""
    for key, value in data.items():
        if key not in KEYS:
            yield key, f"unknown key {key!r}; a regression has {', '.join(KEYS)}"
        elif key in LISTS:
            yield from ((key, problem) for problem in _of_list(key, value))
        elif not isinstance(value, str) or not value.strip():
            yield key, f'{key} is not a text, or is empty; write {key} = "..."'
    for key in NEEDED:
        if key not in data:
            yield key, f'{key} is missing; write {key} = "..."'
    if not (data.get("cells") or data.get("waits_for")):
        yield "cells", "neither cells nor waits_for; write what reproduces it, or what is missing for that"
    if "id" in data and data["id"] != path.stem:
        yield "id", f"id is {data['id']!r}; write id = {json.dumps(path.stem)}, or rename the file"
    families = [family.name for family in FAMILIES]
    if "family" in data and data["family"] not in families:
        yield "family", f"family {data['family']!r} is none; write one of {', '.join(families)}"


def _of_list(key: str, value: object) -> list[str]:
    """Return what is wrong with the value of a key that asks for a list."""
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        return [f'{key} is not a list of texts; write {key} = ["..."]']
    return [problem for one in value if (problem := _CHECKS[key](one))]


def _wrong_cell(pattern: str) -> str | None:
    parts = pattern.split("/")
    if len(parts) != 4 or not all(parts):
        return f"{pattern!r} is no cell; write TARGET/ENTRY_POINT/CONTEXT/PROBE, with * and ?"
    if is_control(parts[0]):
        return f"{pattern!r} is a control, which has to fail; write agent_runtime, or a peer"
    return None


def _wrong_wait(text: str) -> str | None:
    if re.fullmatch(r"(context|probe):[a-z]\w*", text):
        return None
    return (
        f'{text!r} is nothing to wait for; write "context:NAME" or "probe:NAME", as its file would be named'
    )


_CHECKS = {"cells": _wrong_cell, "waits_for": _wrong_wait}


def _lines(text: str) -> dict[str, int]:
    """Return the line of each key."""
    keys = ((number, re.match(r"\s*([\w-]+)\s*=", line)) for number, line in enumerate(text.splitlines(), 1))
    return {key[1]: number for number, key in keys if key is not None}


def _value(value: object) -> str:
    if isinstance(value, tuple) and len(value) > 1:
        return "[\n" + "".join(f"    {_value(one)},\n" for one in value) + "]"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_value, value))}]"
    # A basic string of TOML has the escapes of JSON; only DEL must be escaped there besides.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def states(regressions: list[Regression]) -> Counter[str]:
    """Return how many are mapped, partly mapped, and waiting."""
    return Counter(regression.state for regression in regressions)
