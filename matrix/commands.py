"""What ``python -m matrix`` does: list what there is, run cells, keep the lock and the table of contexts."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from matrix.board import Board
from matrix.cells import Selection, SelectionError, select
from matrix.changed import changes_since
from matrix.closing import objections_as_lines
from matrix.costs import Costs, costs_of
from matrix.fingerprint import fingerprint
from matrix.gate import Gate
from matrix.interrupts import Interrupts
from matrix.judged import ExitCode, Judged, RunResult, in_order
from matrix.lock import lock_objections, lock_of, lock_text
from matrix.markdown import contexts_as_markdown, controls_as_markdown, replace_tables
from matrix.origin import Origin
from matrix.plan import in_ci
from matrix.reports import REGRESSIONS
from matrix.results import Results, summary
from matrix.run import judge_cells, packages_of
from matrix.shard import shards_of
from matrix.show import Plain, Show
from matrix.strays import age_of_this_process
from matrix.targets import target_of

if TYPE_CHECKING:
    import datetime

    from matrix.expectations import Expectations
    from matrix.model import Cell, Context, Probe
    from matrix.registry import Registry

__all__ = ("list_cells", "list_names", "lock", "run", "table")


def list_names(registry: Registry, *, as_json: bool) -> int:
    """Print everything that can be selected, with what it is."""
    lists = {
        "targets": {
            "agent_runtime": "the project's own entry points",
            "control": "the same under each probe's own broken bridge, which the probe must notice",
            **{name: peer.summary for name, peer in registry.peers().items()},
        },
        "controls": {target_of(control): control.summary for control in registry.controls().values()},
        "entry points": {name: one.label for name, one in registry.entry_points().items()},
        "contexts": {
            name: f"{one.summary} ({_limits_of_context(one)})"
            for name, one in sorted(registry.contexts().items())
        },
        "probes": {
            name: f"{one.promise}: {one.claim}{_limits_of_probe(one)}"
            for name, one in registry.probes().items()
        },
    }
    if as_json:
        print(json.dumps(lists, indent=2))
        return ExitCode.EXPECTED
    widest = max(len(name) for names in lists.values() for name in names)
    for title, names in lists.items():
        print(f"{title}:")
        for name, text in names.items():
            print(f"  {name:<{widest}}  {text}")
    return ExitCode.EXPECTED


def _limits_of_context(context: Context) -> str:
    return (
        f"hangs after {context.enter_limit:g} s to enter, {context.call_limit:g} s a call,"
        f" {context.exit_limit:g} s to exit"
    )


def _limits_of_probe(probe: Probe) -> str:
    """Return what a probe states in the place of its contexts' limits."""
    own = {"a call": probe.limit, "to exit": probe.exit_limit}
    stated = [f"{seconds:g} s {what}" for what, seconds in own.items() if seconds is not None]
    return f" (hangs after {', '.join(stated)})" if stated else ""


def list_cells(
    registry: Registry,
    selection: Selection,
    *,
    as_json: bool,
    shard: tuple[int, int] = (1, 1),
    changed: str | None = None,
) -> int:
    """Print the cells that a selection means, or a part of them, one a line."""
    whole, _ = _concerned(registry, select(registry, selection), changed)
    cells = _part(registry, whole, shard)
    if as_json:
        print(json.dumps([{"id": cell.id, **asdict(cell)} for cell in cells], indent=2))
    else:
        for cell in cells:
            print(cell.id)
    return ExitCode.EXPECTED


def run(
    registry: Registry,
    selection: Selection,
    *,
    expectations: Path,
    results: Path,
    jobs: int | None = None,
    as_json: bool = False,
    today: datetime.date | None = None,
    shard: tuple[int, int] = (1, 1),
    changed: str | None = None,
) -> int:
    """Judge the selected cells, show them, write the files of the run; return the exit code.

    Ctrl-C and SIGTERM kill every child, keep what is known by then, and end in 130.

    Args:
        registry: what there is.
        selection: what was asked for.
        expectations: the file of known failures.
        results: the folder that the files go to.
        jobs: how many hosts run at once.
        as_json: whether to print the summary as JSON, and nothing else to stdout.
        today: the day on which known failures expire or do not.
        shard: number and count: judge this part of it.
        changed: judge only what a change since this commit can affect; "" for the usual one, None for all.

    Raises:
        SelectionError: the selection means no cell, or git does not know what has changed.
        ExpectationsError: the file of expectations is wrong.
    """
    whole = select(registry, selection)
    if not whole:
        raise SelectionError(
            "the selection means no cell; `python -m matrix list --cells` shows what there is"
        )
    whole, commit = _concerned(registry, whole, changed)
    cells = _part(registry, whole, shard)
    origin = Origin.of(registry, selection, whole, shard=shard, changed=commit)
    # The lock is a matter of the whole gate: of the merged one, where there are shards.
    gate = Gate.of(registry, expectations, whole=origin.of_the_gate and shard == (1, 1), today=today)
    gate.objections  # noqa: B018 - a lock that is none is refused before anything runs
    board = Board(registry, cells)
    show = _show(board, as_json=as_json)
    environment = fingerprint(packages_of(registry, whole), distributions=gate.known.distributions)
    with Results(results, environment, origin) as files:
        before, age = _cpu_seconds_of_children(), age_of_this_process()
        started = None if age is None else time.monotonic() - age
        interrupted = _follow(registry, cells, gate.known, board=board, show=show, files=files, jobs=jobs)
        result = RunResult(
            in_order(board.finished.values(), cells),
            environment,
            time.monotonic() - board.began,
            _cpu_seconds_of_children() - before,
            interrupted,
            first_cell=_seconds_between(started, board.first_finished),
        )
        result = files.finish(gate.conclude(result), board)
    show.close(result)
    if as_json:
        print(json.dumps(summary(result, board, origin), indent=2))
    return result.exit_code


def lock(registry: Registry, *, write: bool, check: bool) -> int:
    """Print the lock of the gate's cells, write it, or compare it with the one that is there."""
    if check:
        found = lock_objections(registry)
        for line in objections_as_lines(found):
            print(line, file=sys.stderr)
        return ExitCode.UNEXPECTED if found else ExitCode.EXPECTED
    text = lock_text(registry)
    if write:
        lock_of(registry).write_text(text, encoding="utf-8", newline="\n")
    else:
        print(text, end="")
    return ExitCode.EXPECTED


def table(registry: Registry, *, write: Path | None, check: Path | None) -> int:
    """Print the tables of contexts, controls and reports; write, or check, those that a document marks."""
    from matrix.reports.markdown import reports_as_markdown
    from matrix.reports.regressions import read_regressions

    tables = {
        "contexts": contexts_as_markdown(one for _, one in sorted(registry.contexts().items())),
        "controls": controls_as_markdown(registry.controls().values()),
        "reports": reports_as_markdown(read_regressions(REGRESSIONS)),
    }
    document = write or check
    if document is None:
        print("\n\n".join(tables.values()))
        return ExitCode.EXPECTED
    before = document.read_text(encoding="utf-8")
    after = replace_tables(before, tables)
    if before == after:
        return ExitCode.EXPECTED
    if check is not None:
        print(
            f"{check}: a table is out of date; write: python -m matrix table --write {check}",
            file=sys.stderr,
        )
        return ExitCode.UNEXPECTED
    document.write_text(after, encoding="utf-8")
    return ExitCode.EXPECTED


def _concerned(registry: Registry, cells: list[Cell], changed: str | None) -> tuple[list[Cell], str]:
    """Return the cells that a change may affect, and the commit since which; say on stderr why these."""
    if changed is None:
        return cells, ""
    changes = changes_since(registry, changed)
    affected = changes.affected(cells)
    print("\n".join(changes.lines(chosen=len(affected), of=len(cells))), file=sys.stderr)
    return affected, changes.commit


def _part(registry: Registry, cells: list[Cell], shard: tuple[int, int]) -> list[Cell]:
    number, count = shard
    return shards_of(registry, cells, count, costs=Costs.read(costs_of(registry)))[number - 1]


def _follow(
    registry: Registry,
    cells: list[Cell],
    known: Expectations,
    *,
    board: Board,
    show: Show,
    files: Results,
    jobs: int | None,
) -> bool:
    """Run to the end or to an interrupt; return whether it was one."""
    show.start()
    try:
        with Interrupts() as interrupts:
            judged = judge_cells(
                registry,
                cells,
                expectations=known,
                ci=in_ci(),
                jobs=jobs,
                on_begin=board.begin,
                interrupts=interrupts,
            )
            with contextlib.closing(judged):
                for one in judged:
                    _note(one, board, show, files)
    except KeyboardInterrupt:
        return True
    finally:
        show.stop()
    return False


def _seconds_between(first: float | None, last: float | None) -> float | None:
    return None if first is None or last is None else last - first


def _cpu_seconds_of_children() -> float:
    """Return the processor time of all descendants that have ended and been waited for."""
    used = os.times()
    return used.children_user + used.children_system


def _note(one: Judged, board: Board, show: Show, files: Results) -> None:
    board.finish(one)
    files.add(one)
    show.finish(one)


def _show(board: Board, *, as_json: bool) -> Show:
    if as_json:
        return Show()
    if sys.stdout.isatty():
        try:
            from matrix.live import Live

            return Live(board)
        except ImportError:
            pass
    return Plain(board, sys.stdout)
