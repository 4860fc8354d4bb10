"""``python -m matrix.repro RESULTS``: run the script of every cell of a run, and compare what they say."""

from __future__ import annotations

import argparse
import sys
from fnmatch import fnmatchcase
from pathlib import Path

from matrix.model import Cell
from matrix.parent import default_jobs
from matrix.recorded import RecordedError, read_run, text_of
from matrix.registry import BUILT_IN, Registry
from matrix.repro.compared import shown

DESCRIPTION = """\
Write the script of every cell that a run has judged, run each in a process that cannot import the matrix, and
compare its outcome with the run's. A cell whose code cannot stand in a script is named, with why. Takes
an hour for a whole gate on two processors.
"""
CODES = """\
exit codes:
  0    every script shows what the run has said; cells may have none
  1    some do not
  2    the command line is wrong, or the path holds no run
"""


def main() -> int:
    """Compare; return the exit code."""
    parser = argparse.ArgumentParser("python -m matrix.repro", description=DESCRIPTION, epilog=CODES)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("results", type=Path, nargs="?", default=Path("results"), metavar="RESULTS")
    parser.add_argument(
        "--cell", action="append", default=[], metavar="ID", help="a cell, or a pattern of some"
    )
    parser.add_argument("--jobs", type=int, default=default_jobs(), metavar="N", help="scripts at once")
    text = "folder of contexts/, entry_points/, probes/, peers/ and controls/"
    parser.add_argument("--registry", type=Path, default=BUILT_IN, metavar="DIR", help=text)
    options = parser.parse_args()
    try:
        records = read_run(options.results).records
    except RecordedError as error:
        print(error, file=sys.stderr)
        return 2
    said = {
        Cell.parse(text_of(record, "cell")): text_of(record, "outcome")
        for record in records
        if text_of(record, "outcome") not in {"skip", "error"}
        if any(fnmatchcase(text_of(record, "cell"), pattern) for pattern in options.cell or ["*"])
    }
    different = refused = 0
    for number, one in enumerate(shown(Registry(options.registry), list(said), jobs=options.jobs), 1):
        if one.refusal:
            refused += 1
            print(f"{one.cell.id} has no script: {one.refusal}", flush=True)
        elif one.outcome != said[one.cell]:
            different += 1
            print(f"{one.cell.id}: the run says {said[one.cell]}, the script {one.outcome or one.code}")
            print(one.output, flush=True)
        if number % 100 == 0:
            print(f"[{number}/{len(said)}]", flush=True)
    without = f"; {refused} cells have none" if refused else ""
    print(f"{len(said) - refused} scripts, {different} of which show something else{without}")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
