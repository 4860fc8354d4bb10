"""Markdown: a run for the summary of a CI job, and the tables of contexts and controls for documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matrix.board import Board, Mark
from matrix.judged import ExitCode
from matrix.model import Cell
from matrix.targets import target_of
from matrix.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from matrix.judged import Judged, RunResult
    from matrix.model import Context, Control, Facts

__all__ = ("contexts_as_markdown", "controls_as_markdown", "marked", "replace_tables", "run_as_markdown")

# A CI job summary is cut off after a megabyte; a reader gives up long before.
MAX_LISTED = 100


def run_as_markdown(result: RunResult, board: Board) -> str:
    """Return a run: the verdict, what is unexpected, a grid for each target, what the columns mean."""
    parts = [_headline(result)]
    if result.unexpected:
        parts.append(_unexpected(result.unexpected))
    if result.objections:
        lines = [f"- {_inline(str(objection))}" for objection in result.objections[:MAX_LISTED]]
        parts.append("\n".join(["### To correct", "", *lines]))
    parts += [f"### {target}\n\n{_grid(board, target)}" for target in board.targets()]
    columns = {column.code: column for target in board.targets() for column in board.columns(target)}
    if columns:
        rows = [
            f"| {code} | `{column.probe.name}` | {column.probe.claim} |" for code, column in columns.items()
        ]
        parts.append("\n".join(["### Probes", "", "| | probe | claim |", "|---|---|---|", *rows]))
    return "\n\n".join(parts) + "\n"


def contexts_as_markdown(contexts: Iterable[Context]) -> str:
    """Return the table of contexts."""
    rows = ["| context | sync code is called | running loop | main thread | needs |", "|---|---|---|---|---|"]
    for context in contexts:
        facts = context.facts
        python = [f"Python {'.'.join(map(str, context.min_python))}"] if context.min_python else []
        needs = ", ".join([*python, *(f"`{name}`" for name in context.requires)]) or "nothing"
        main = "yes" if facts.main_thread else "no"
        rows.append(f"| `{context.name}` | {context.summary} | {_loop(facts)} | {main} | {needs} |")
    return "\n".join(rows)


def controls_as_markdown(controls: Iterable[Control]) -> str:
    """Return the table of controls: broken bridges first, then those that are right and look odd."""
    rows = [
        "| control | its mistake, or its oddity | must be caught by, or must pass | in |",
        "|---|---|---|---|",
    ]
    for control in sorted(controls, key=lambda control: (control.near_miss, control.name)):
        names = ", ".join(f"`{name}`" for name in control.passes or control.caught_by)
        held = f"passes {names}" if control.near_miss else names
        rows.append(f"| `{target_of(control)}` | {control.summary} | {held} | `{control.context}` |")
    return "\n".join(rows)


def marked(name: str, table: str) -> str:
    """Return a table between the markers by which a document says where it goes."""
    begin, end = _markers(name)
    return f"{begin}\n{table}\n{end}"


def replace_tables(document: str, tables: Mapping[str, str]) -> str:
    """Return ``document`` with those tables, by name, for which it has markers.

    Raises:
        ValueError: the document has markers for none of them, or only the first of a pair.
    """
    present = [name for name in tables if _markers(name)[0] in document]
    if not present:
        pairs = " or ".join(" and ".join(_markers(name)) for name in tables)
        raise ValueError(f"the markers are missing; write {pairs}, each on a line of its own")
    for name in present:
        begin, end = _markers(name)
        before, _, rest = document.partition(begin)
        _, found, after = rest.partition(end)
        if not found:
            raise ValueError(f"{begin} has no {end} after it; write it on a line of its own")
        document = before + marked(name, tables[name]) + after
    return document


def _markers(name: str) -> tuple[str, str]:
    return f"<!-- {name}:begin -->", f"<!-- {name}:end -->"


def _loop(facts: Facts) -> str:
    loops = facts.running_loop if isinstance(facts.running_loop, tuple) else (facts.running_loop,)
    kinds = dict.fromkeys("none" if loop is None else loop.partition(".")[0] for loop in loops)
    return " or ".join(kinds)


def _headline(result: RunResult) -> str:
    sign = (Mark.PASS if result.exit_code is ExitCode.EXPECTED else Mark.FAIL).value[1]
    counts = ", ".join(f"{number} {word}" for word, number in result.outcomes().items())
    caught = sum(one.verdict is Verdict.OK for one in result.controls)
    controls = f" · controls caught: {caught} of {len(result.controls)}" if result.controls else ""
    if result.near_misses:
        passed = sum(one.verdict is Verdict.OK for one in result.near_misses)
        controls += f" · near misses passed: {passed} of {len(result.near_misses)}"
    python = result.fingerprint.get("python", "")
    return (
        f"## {sign} matrix: {result.closing_word}\n\n"
        f"{counts}{controls} · Python {python} on {result.fingerprint.get('system', '')}"
        f" · {result.seconds:.0f} s"
    )


def _unexpected(red: list[Judged]) -> str:
    lines = ["### Unexpected", ""]
    lines += [
        f"- `{one.cell.id}`: {_inline(one.sentence)}<br>`python -m matrix run --cell {one.cell.id}`"
        for one in red[:MAX_LISTED]
    ]
    if len(red) > MAX_LISTED:
        lines.append(f"- and {len(red) - MAX_LISTED} more; all of them are in `matrix.json`")
    return "\n".join(lines)


def _inline(text: str) -> str:
    """Return text that cannot be taken for markup or leave its line."""
    one_line = " ".join(text.split())[:500]
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]<>#|~" else sign for sign in one_line)


def _grid(board: Board, target: str) -> str:
    columns = board.columns(target)
    names = board.entry_points(target)
    rows = [
        "| context | " + " | ".join(column.code for column in columns) + " | controls |",
        "|---" * (len(columns) + 2) + "|",
    ]
    for context in board.contexts(target):
        places = []
        for column in columns:
            cells = (Cell(target, name, context, column.probe.name) for name in names)
            marks = [mark for cell in cells if (mark := board.mark(cell)) is not None]
            signs = [mark.sign(ascii_only=False) for mark in marks]
            places.append(signs[0] if len(set(signs)) == 1 else "".join(signs))
        caught = board.controls(context)
        proof = f"{caught.finished - caught.red}/{caught.total}" if caught.total else ""
        rows.append(f"| `{context}` | {' | '.join(places)} | {proof} |")
    order = " ".join(f"`{board.label(name)}`" for name in names)
    note = (
        f"\n\nOne sign where all entry points agree, else one each, in this order: {order}." if names else ""
    )
    return "\n".join(rows) + note
