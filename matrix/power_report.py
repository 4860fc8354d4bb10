"""The table of power for a terminal, as Markdown and as data: probe by control, and the score."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matrix.board import columns_of
from matrix.power import Catch
from matrix.targets import target_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matrix.board import Column
    from matrix.power import Power, Row

__all__ = ("as_data", "as_lines", "as_markdown", "line_of")

SHOWN = (Catch.NAMED, Catch.ALSO, Catch.UNSEEN, Catch.MISSED, Catch.HELD, Catch.REJECTED, Catch.SPOILT)
# More names than these are not read in a line.
MAX_NAMES = 6


def line_of(row: Row, *, ascii_only: bool) -> str:
    """Return what became of one control, in a line for a log."""
    mark = Catch.HELD
    if row.wrong:
        mark = Catch.MISSED
    elif _escaped(row):
        mark = Catch.UNSEEN
    return f"{mark.sign(ascii_only=ascii_only)} {_sentence(row)}"


def _sentence(row: Row) -> str:
    name = target_of(row.control)
    if row.wrong:
        return f"{name}: {'failed by' if row.control.near_miss else 'not caught by'} {_some(row.wrong)}"
    if row.control.near_miss:
        return f"{name}: passes"
    if _escaped(row):
        return f"{name}: caught by nothing"
    if not row.named:
        return f"{name}: caught by {_some(row.others)}"
    others = f", and by {len(row.others)} more" if row.others else ""
    return f"{name}: caught by {_some(row.named)}{others}"


def as_lines(power: Power, *, ascii_only: bool) -> list[str]:
    """Return the table, what its columns mean, and the score."""
    columns = columns_of(power.plan.probes)
    width = max((len(target_of(row.control)) for row in power.rows), default=0) + 2
    lines = [*_heading(columns, width)]
    for row in power.rows:
        signs = "".join(
            _gap(columns, place) + row.catches[column.probe.name].sign(ascii_only=ascii_only)
            for place, column in enumerate(columns)
        )
        lines.append(target_of(row.control).ljust(width) + signs)
    legend = "   ".join(f"{catch.sign(ascii_only=ascii_only)} {catch.word}" for catch in _present(power))
    lines += ["", legend, "", "probe, and how many broken bridges it catches:", *_columns(power, columns), ""]
    return lines + _score(power)


def as_markdown(power: Power) -> str:
    """Return the score and the table as a page."""
    columns = columns_of(power.plan.probes)
    lines = [f"## Power: {_headline(power)}", "", *(f"- {line}" for line in _score(power)[1:]), ""]
    lines.append("| control | " + " | ".join(column.code for column in columns) + " |")
    lines.append("|---" * (len(columns) + 1) + "|")
    for row in power.rows:
        signs = (row.catches[column.probe.name].sign(ascii_only=False) for column in columns)
        lines.append(f"| `{target_of(row.control)}` | {' | '.join(signs)} |")
    legend = ", ".join(f"{catch.sign(ascii_only=False)} {catch.word}" for catch in _present(power))
    lines += ["", f"In {', '.join(power.plan.contexts)}: {legend}.", ""]
    lines += ["| | probe | broken bridges that it catches | of them by name |", "|---|---|---|---|"]
    for column in columns:
        catches = power.catches_of(column.probe)
        named = sum(row.catches[column.probe.name] is Catch.NAMED for row in catches)
        lines.append(f"| {column.code} | `{column.probe.name}` | {len(catches)} | {named} |")
    return "\n".join(lines) + "\n"


def as_data(power: Power) -> dict[str, object]:
    """Return the table and the score as plain data."""
    return {
        "exit_code": int(power.exit_code),
        "interrupted": power.interrupted,
        "contexts": list(power.plan.contexts),
        "probes": [probe.name for probe in power.plan.probes],
        "score": {"caught": len(power.caught), "of": len(power.broken)},
        "uncaught": [target_of(row.control) for row in power.uncaught],
        "wrong": {target_of(row.control): row.wrong for row in power.rows if row.wrong},
        "probes_that_catch_nothing": [probe.name for probe in power.idle],
        "controls": {
            target_of(row.control): {
                "summary": row.control.summary,
                "named": list(row.control.passes or row.control.caught_by),
                "catches": {probe: catch.name.lower() for probe, catch in row.catches.items()},
                "outcomes": {
                    context: {probe: outcome.value for probe, outcome in found.items()}
                    for context, found in row.outcomes.items()
                },
            }
            for row in power.rows
        },
    }


def _heading(columns: Sequence[Column], width: int) -> list[str]:
    """Return two lines: the promises, each over its first probe, and the letters of the probes."""
    promises, letters = " " * width, " " * width
    for place, column in enumerate(columns):
        gap = _gap(columns, place)
        promises += gap
        letters += gap + (column.letter or " ")
        if gap or place == 0:
            promises = promises[: len(letters) - 1].ljust(len(letters) - 1) + column.probe.promise
    return [promises.rstrip(), letters.rstrip()]


def _gap(columns: Sequence[Column], place: int) -> str:
    """Return the blanks before a column: promises stand apart, wide enough for their numbers."""
    if place == 0 or columns[place].probe.promise == columns[place - 1].probe.promise:
        return ""
    before = columns[place - 1].probe.promise
    used = sum(column.probe.promise == before for column in columns)
    return " " * max(1, len(before) + 1 - used)


def _columns(power: Power, columns: Sequence[Column]) -> list[str]:
    width = max((len(column.probe.name) for column in columns), default=0)
    lines = []
    for column in columns:
        catches = power.catches_of(column.probe)
        named = sum(row.catches[column.probe.name] is Catch.NAMED for row in catches)
        by_name = f", {named} by name" if named else ""
        lines.append(f"  {column.code:<5}{column.probe.name:<{width}}  {len(catches)}{by_name}")
    return lines


def _score(power: Power) -> list[str]:
    """Return the score, then everything that is wrong or suspicious, a sentence each."""
    lines = [_headline(power)]
    held = sum(not row.wrong for row in power.near_misses)
    if power.near_misses:
        lines.append(f"near misses: {held} of {len(power.near_misses)} pass all that they promise")
    lines += [f"uncaught: {target_of(row.control)} ({row.control.summary})" for row in power.uncaught]
    lines += [_sentence(row) for row in power.rows if row.wrong and row not in power.uncaught]
    if power.idle and not power.interrupted:
        lines.append(
            f"suspicious: {', '.join(probe.name for probe in power.idle)}: no broken bridge is caught"
        )
    if power.interrupted:
        lines.append("interrupted: what is left out could not be judged")
    return lines


def _headline(power: Power) -> str:
    by_name = sum(not row.wrong and bool(row.named) for row in power.broken)
    return f"{len(power.caught)} of {len(power.broken)} broken bridges caught, {by_name} as they name it"


def _escaped(row: Row) -> bool:
    return not row.control.near_miss and not row.named and not row.others


def _present(power: Power) -> list[Catch]:
    found = {catch for row in power.rows for catch in row.catches.values()}
    return [catch for catch in SHOWN if catch in found]


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return ", ".join(names[:MAX_NAMES]) + more
