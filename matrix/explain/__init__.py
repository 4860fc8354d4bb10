"""``python -m matrix explain CELL``: what a cell is, where, what runs say of it, what to do next."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from matrix.expectations import BUILT_IN_EXPECTATIONS
from matrix.explain.about import about_cell
from matrix.explain.seen import seen_in
from matrix.explain.text import as_lines
from matrix.judged import ExitCode
from matrix.one_cell import one_cell
from matrix.recorded import RECORDS, read_run
from matrix.registry import BUILT_IN
from matrix.run import read_expectations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matrix.registry import Registry

__all__ = ("explain", "fill")

DESCRIPTION = """\
What a cell is: whose bridge, which function, the facts of its situation, the claim and the promise behind it.
Where the sources are, which controls the probe is held against, which known failure speaks of the cell, what
runs have said of it, and the commands that repeat it. CELL is a name as reports give it, or a pattern with
* and ? that no other cell matches.
"""
EXIT_CODES = """\
exit codes:
  0    the cell is explained
  2    the command line is wrong: there is no such cell (near ones are named), or a path holds no run
  3    a registry file or the file of known failures is wrong
  141  whoever read the output has closed the pipe
"""


def fill(verb: argparse.ArgumentParser) -> None:
    """Give the verb its options on the command line."""
    verb.description, verb.epilog = DESCRIPTION, EXIT_CODES
    verb.formatter_class = argparse.RawDescriptionHelpFormatter
    verb.add_argument("cell", metavar="CELL", help="TARGET/ENTRY_POINT/CONTEXT/PROBE")
    text = "a folder of results to look into; may be repeated (default: results, if there is a run in it)"
    verb.add_argument("--results", type=Path, action="append", default=[], metavar="DIR", help=text)
    text = "known failures (default: the matrix's own)"
    verb.add_argument("--expectations", type=Path, default=BUILT_IN_EXPECTATIONS, metavar="FILE", help=text)
    text = "folder of contexts/, entry_points/, probes/, peers/ and controls/"
    verb.add_argument("--registry", type=Path, default=BUILT_IN, metavar="DIR", help=text)
    verb.add_argument("--json", action="store_true", help="print JSON and nothing else")
    verb.set_defaults(perform=_perform)


def _perform(registry: Registry, options: argparse.Namespace) -> int:
    return explain(
        registry,
        options.cell,
        results=options.results,
        usual=Path("results"),
        expectations=options.expectations,
        as_json=options.json,
    )


def explain(
    registry: Registry,
    name: str,
    *,
    results: Sequence[Path],
    usual: Path,
    expectations: Path,
    as_json: bool,
) -> int:
    """Print what is known of one cell; return the exit code.

    Args:
        registry: where the cell's files are.
        name: the cell, or a pattern that means it alone.
        results: folders of runs that have to be there.
        usual: the folder that is looked into if none is named; it may hold no run.
        expectations: the file of known failures.
        as_json: whether to print data and nothing else.

    Raises:
        SelectionError: the name means no cell, or several.
        RecordedError: a path holds no run.
        ExpectationsError: the file of expectations is wrong.
    """
    cell = one_cell(registry, name)
    folders = list(results) or [usual] * (usual / RECORDS).is_file()
    runs = [seen_in(read_run(folder), cell) for folder in folders]
    found = about_cell(registry, cell, read_expectations(expectations), runs)
    print(json.dumps(found.as_data(), indent=2) if as_json else "\n".join(as_lines(found)))
    return ExitCode.EXPECTED
