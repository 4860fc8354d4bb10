"""``python -m matrix repro CELL``: write the script, or run it, and end with what it says."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from matrix.judged import ExitCode
from matrix.model import Outcome
from matrix.one_cell import one_cell
from matrix.plan import does_not_apply
from matrix.python_path import python_path
from matrix.recorded import read_run, text_of
from matrix.registry import BUILT_IN
from matrix.repro.header import EXIT_CODES, header_of
from matrix.repro.script import body_of
from matrix.repro.sources import FlattenError
from matrix.run import packages_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matrix.model import Cell
    from matrix.recorded import Recorded
    from matrix.registry import Registry

__all__ = ("NOTHING_TO_SHOW", "fill", "perform", "run_script", "script_of")

NOTHING_TO_SHOW = 125
"""What the verb ends with where a cell has nothing to show; scripts end so where they cannot judge."""

DESCRIPTION = """\
Write one script that shows what a cell shows, with nothing but the public packages and the standard library:
the call, the claim and the situation as the matrix has them, and a process that watches for hangs. Its header
says what is expected, what a run has seen, the versions, and how to install and run it. CELL is a name as
reports give it, or a pattern with * and ? that no other cell matches.
"""
CODES = """\
exit codes:
  0    the script is written; with --run: the claim holds
  1    with --run: the claim does not hold, the call is refused, or the process dies
  2    the command line is wrong: there is no such cell (near ones are named), or a path holds no run
  3    a registry file is wrong, or holds code that cannot stand in a script; the message says where
  124  with --run: a limit has passed
  125  the cell means nothing here, for the reason that is given; with --run also: the script could not judge
  141  whoever read the output has closed the pipe

The script itself ends with 0, 1, 124 or 125, which `git bisect run` understands.
"""


def fill(verb: argparse.ArgumentParser) -> None:
    """Give the verb its options on the command line."""
    verb.description, verb.epilog = DESCRIPTION, CODES
    verb.formatter_class = argparse.RawDescriptionHelpFormatter
    verb.add_argument("cell", metavar="CELL", help="TARGET/ENTRY_POINT/CONTEXT/PROBE")
    text = "where the script goes (default: stdout, or nowhere with --run)"
    verb.add_argument("-o", "--output", type=Path, metavar="FILE", help=text)
    text = "run the script with this Python and this checkout, and end with its exit code"
    verb.add_argument("--run", action="store_true", help=text)
    text = "a folder of results, whose record of the cell goes into the header"
    verb.add_argument("--results", type=Path, metavar="DIR", help=text)
    text = "folder of contexts/, entry_points/, probes/, peers/ and controls/"
    verb.add_argument("--registry", type=Path, default=BUILT_IN, metavar="DIR", help=text)
    verb.set_defaults(perform=perform)


def perform(registry: Registry, options: argparse.Namespace) -> int:
    """Write the script, run it, or both; return the exit code.

    Raises:
        SelectionError: the name means no cell, or several.
        RecordedError: the path holds no run.
        ValueError: the script would have the name of a module that it needs.
    """
    cell = one_cell(registry, options.cell)
    record = None if options.results is None else _record_of(read_run(options.results), cell)
    reason = does_not_apply(registry, cell)
    if reason is not None:
        print(f"{cell.id} has nothing to show: {reason}", file=sys.stderr)
        return NOTHING_TO_SHOW
    if options.output is not None:
        _refuse_to_hide_a_module(registry, cell, options.output)
    try:
        text = script_of(registry, cell, record, file=options.output)
    except FlattenError as error:
        print(f"{cell.id} cannot stand in one script: {error}", file=sys.stderr)
        return ExitCode.BROKEN
    if options.output is not None:
        options.output.write_text(text, encoding="utf-8", newline="\n")
    elif not options.run:
        print(text, end="")
    return run_script(text) if options.run else ExitCode.EXPECTED


def script_of(
    registry: Registry, cell: Cell, record: Mapping[str, object] | None = None, *, file: Path | None = None
) -> str:
    """Return the whole script of a cell.

    Raises:
        FlattenError: code of the cell cannot stand in one file.
    """
    name = "FILE" if file is None else file.name
    return f"{header_of(registry, cell, record, file=name)}\n{body_of(registry, cell)}"


def run_script(text: str) -> int:
    """Run a script with this Python's packages and this checkout, away from here; return its exit code."""
    variables = {**os.environ, "PYTHONPATH": python_path(BUILT_IN.parent)}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "repro.py")
        file.write_text(text, encoding="utf-8", newline="\n")
        code = subprocess.call([sys.executable, str(file)], env=variables)
    return code if code in EXIT_CODES else ExitCode.BROKEN


def _refuse_to_hide_a_module(registry: Registry, cell: Cell, output: Path) -> None:
    """Raise if the script, by its name, would be found in the place of a package: its folder comes first."""
    packages = {name.partition(".")[0] for name in packages_of(registry, [cell])}
    if output.stem in {"agent_runtime", "yaml", *packages, *sys.stdlib_module_names}:
        raise ValueError(
            f"{output}: a script of this name would be imported as {output.stem!r}; choose another name"
        )


def _record_of(run: Recorded, cell: Cell) -> Mapping[str, object] | None:
    """Return what a run says of a cell: where it ran in several places, one in which it did not pass."""
    found = [record for record in run.records if text_of(record, "cell") == cell.id]
    ordinary = {Outcome.PASS.value, Outcome.SKIP.value}
    return min(found, key=lambda record: text_of(record, "outcome") in ordinary, default=None)
