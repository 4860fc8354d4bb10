"""The end of a report: a grid for each target, what is red and how to repeat it, what was left out."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from matrix.board import Board, Mark
from matrix.cells import GATE
from matrix.grid import Grid, Line, legend, probe_legend
from matrix.judged import ExitCode, rank
from matrix.model import Outcome
from matrix.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from matrix.accept import Acceptance
    from matrix.judged import Judged, RunResult
    from matrix.objection import Objection

__all__ = ("closing_lines", "objections_as_lines")

# More than this is not read on a terminal; the files of the run have all of it.
MAX_LISTED = 20
# The same for the lines of a patch.
MAX_PATCH = 60
_STYLES = {"+": "green", "-": "red", "@": "cyan"}
# From how many cells on that are red alike they become one entry.
MAX_ALIKE = 3


def closing_lines(board: Board, result: RunResult, *, width: int, ascii_only: bool) -> list[Line]:
    """Return the end of a report."""
    lines: list[Line] = []
    for target in board.targets():
        lines += [[], _title(board, target)]
        lines += Grid(board, target, width=width, ascii_only=ascii_only).lines()
    if not board.targets():
        lines += [[], *_claims(result.judged, ascii_only=ascii_only)]
    columns = {column.code: column for target in board.targets() for column in board.columns(target)}
    lines += [[], *probe_legend(list(columns.values()), width), [], legend(ascii_only=ascii_only)]
    if result.unexpected:
        lines += _unexpected(board, result, ascii_only=ascii_only)
    if result.objections:
        lines += [[], *([(line, "yellow")] for line in objections_as_lines(result.objections))]
    if result.acceptance is not None:
        lines += _acceptance(result.acceptance)
    return [*lines, [], *_left_behind(result.judged), *_left_out(result.judged), *_totals(result)]


def objections_as_lines(objections: Sequence[Objection]) -> list[str]:
    """Return what is wrong with the files that the gate goes by, at most a screen of it."""
    lines = [str(objection) for objection in objections[:MAX_LISTED]]
    if len(objections) > MAX_LISTED:
        lines.append(f"and {len(objections) - MAX_LISTED} more")
    return lines


def _claims(judged: Iterable[Judged], *, ascii_only: bool) -> list[Line]:
    """Return a line for each control, where nothing else ran that a grid could show."""
    lines: list[Line] = []
    for group in _grouped(judged, lambda one: one.cell.target):
        lines.append([(group[0].cell.target, "bold"), (f"  in {group[0].cell.context}", "dim")])
        for one in group:
            sign = Mark.of(one.record.outcome).sign(ascii_only=ascii_only)
            style = "green" if one.verdict is Verdict.OK else "bold white on red"
            lines.append([("  ", ""), (sign, style), (f" {one.cell.probe}", "")])
    return lines


def _acceptance(acceptance: Acceptance) -> list[Line]:
    """Return the patches that would make the run green, or where they are when they are long."""
    lines: list[Line] = []
    for sentence, patch in acceptance.parts():
        lines += [[], [(sentence, "bold")]]
        changed = patch.splitlines()
        if len(changed) <= MAX_PATCH:
            lines += [[(line, _STYLES.get(line[:1], ""))] for line in changed]
        else:
            lines.append([(f"({len(changed)} lines)", "dim")])
    return lines


def _title(board: Board, target: str) -> Line:
    names = ", ".join(board.label(name) for name in board.entry_points(target))
    return [(target, "bold"), (f"  {names}", "dim")]


def _unexpected(board: Board, result: RunResult, *, ascii_only: bool) -> list[Line]:
    """Return what is red: cell by cell, or in one entry where many cells are red alike."""
    claims = {
        column.probe.name: column.probe.claim
        for target in board.targets()
        for column in board.columns(target)
    }
    entries = _entries(result.unexpected)
    lines: list[Line] = [[]]
    for entry in entries[:MAX_LISTED]:
        sign = Mark.of(entry[0].record.outcome).sign(ascii_only=ascii_only)
        lines += _entry(entry, sign, claims)
    if len(entries) > MAX_LISTED:
        lines.append([(f"  and {len(entries) - MAX_LISTED} more; matrix.json lists all of them", "dim")])
    return lines


def _entries(red: Iterable[Judged]) -> list[list[Judged]]:
    """Group cells that are red alike: a context whose host fails, then a probe that fails in many places."""
    entries: list[list[Judged]] = []
    rest: list[Judged] = []
    for group in _grouped(red, lambda one: (one.cell.target, one.cell.context, one.sentence)):
        probes = {one.cell.probe for one in group}
        if len(probes) > MAX_ALIKE:
            entries.append(group)
        else:
            rest += group
    for group in _grouped(
        rest, lambda one: (one.cell.target, one.cell.probe, one.verdict, one.record.outcome)
    ):
        entries += [group] if len(group) > MAX_ALIKE else [[one] for one in group]
    return sorted(entries, key=lambda entry: rank(entry[0]))


def _grouped(cells: Iterable[Judged], key: Callable[[Judged], object]) -> list[list[Judged]]:
    groups: dict[object, list[Judged]] = {}
    for one in cells:
        groups.setdefault(key(one), []).append(one)
    return list(groups.values())


def _entry(group: list[Judged], sign: str, claims: dict[str, str]) -> list[Line]:
    """Return one entry of the list: the cell, or the pattern of all cells that are red alike."""
    first = group[0]
    cell, note, example = first.cell.id, "", ""
    probe, context = _common(one.cell.probe for one in group), _common(one.cell.context for one in group)
    if len(group) > 1:
        entry_point = _common(one.cell.entry_point for one in group)
        cell = f"{first.cell.target}/{entry_point}/{context}/{probe}"
        note = f"  {len(group)} cells"
        example = f"{first.cell.entry_point} in {first.cell.context}: " if context == "*" else ""
    # Against another library's bridge nothing has regressed: it is what it is.
    verdict = (
        first.verdict.value if first.cell.target in GATE or first.verdict is not Verdict.REGRESSION else ""
    )
    claim: list[Line] = [] if probe == "*" else [[(f"    claim: {claims.get(probe, '')}", "dim")]]
    return [
        [(f"{sign} ", "bold red"), (cell, "bold"), (note, ""), (f"  {verdict}", "red")],
        *claim,
        [(f"    {example}{' '.join(first.sentence.split())[:400]}", "")],
        [(f"    python -m matrix run --cell {shlex.quote(cell)}", "cyan")],
    ]


def _common(names: Iterable[str]) -> str:
    """Return the one name that all have, or the pattern for any."""
    found = set(names)
    return found.pop() if len(found) == 1 else "*"


def _left_behind(judged: Iterable[Judged]) -> list[Line]:
    """Return a line for each process that has outlived its host."""
    return [
        [(f"left behind by host {one.record.host}, and killed: {stray}", "bold red")]
        for one in judged
        for stray in one.record.strays
    ]


def _left_out(judged: Iterable[Judged]) -> list[Line]:
    """Return a line for each reason for which cells did not run."""
    skipped = [one for one in judged if one.record.outcome is Outcome.SKIP]
    lines: list[Line] = []
    for group in _grouped(skipped, lambda one: one.record.detail):
        contexts = sorted({one.cell.context for one in group})
        where = ", ".join(contexts) if len(contexts) <= MAX_ALIKE else f"{len(contexts)} contexts"
        lines.append([(f"skipped: {len(group)} cells in {where}: {group[0].record.detail}", "dim")])
    return lines


def _totals(result: RunResult) -> list[Line]:
    counts = ", ".join(f"{number} {word}" for word, number in result.outcomes().items()) or "nothing judged"
    took = f"{result.performed} cells performed in {result.seconds:.1f} s, {result.rate:.1f} cells/s"
    if result.cpu_seconds:
        took += f", {result.cpu_seconds:.1f} s of processor time"
    if result.first_cell is not None:
        took += f", the first of them {round(result.first_cell, 3):.2f} s after the start"
    lines: list[Line] = []
    if result.controls:
        caught = sum(one.verdict is Verdict.OK for one in result.controls)
        style = "green" if caught == len(result.controls) else "bold white on red"
        lines.append([(f"controls: {caught} of {len(result.controls)} broken bridges noticed", style)])
    if result.near_misses:
        passed = sum(one.verdict is Verdict.OK for one in result.near_misses)
        style = "green" if passed == len(result.near_misses) else "bold white on red"
        lines.append(
            [(f"near misses: {passed} of {len(result.near_misses)} odd but right bridges passed", style)]
        )
    known = sum(one.expectation is not None and one.verdict is Verdict.OK for one in result.judged)
    if known:
        lines.append([(f"known failures: {known}, see matrix/expectations.toml", "yellow")])
    style = "bold green" if result.exit_code is ExitCode.EXPECTED else "bold red"
    lines.append([(result.closing_word, style), (f": {counts}; {took}", "")])
    return lines
