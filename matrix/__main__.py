"""The command line of the matrix: arguments in, exit code out."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from matrix import commands
from matrix.cells import Selection, SelectionError
from matrix.expectations import BUILT_IN_EXPECTATIONS, ExpectationsError
from matrix.judged import ExitCode
from matrix.parent import default_jobs
from matrix.registry import BUILT_IN, Registry, RegistryError

DESCRIPTION = "Run every sync entry point in every context and judge it probe by probe, in child processes."
EXIT_CODES = """\
exit codes:
  0    everything is as expected
  1    something is not: a regression, or a known failure that passes by now
  2    the command line is wrong
  3    the matrix itself failed: a registry file, a context that is not what it says, a control that
       its probe did not notice; nothing else in the run can be believed then
  130  interrupted; every child process has been killed
"""
SELECTION = """\
Names may be patterns with * and ?; options may be repeated or hold a comma-separated list; a probe
is also named by its promise, as in --probe S3. Without --target a run judges agent_runtime, and the
controls that prove that every probe can fail.
"""
PARTS = {
    "target": "whose bridge: agent_runtime, control (each probe's own broken bridge), or a peer",
    "entry-point": "which sync function is called",
    "context": "in which situation",
    "probe": "which claim is held against it, by name or promise",
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return its exit code."""
    options = _parser().parse_args(arguments)
    registry = Registry(options.registry)
    try:
        registry.verify()
        return _dispatch(registry, options)
    except (RegistryError, ExpectationsError) as error:
        print(error, file=sys.stderr)
        return ExitCode.BROKEN
    except (SelectionError, OSError, ValueError) as error:
        print(f"python -m matrix: {error}", file=sys.stderr)
        return ExitCode.USAGE
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED


def _dispatch(registry: Registry, options: argparse.Namespace) -> int:
    if options.command == "table":
        return commands.table(registry, write=options.write, check=options.check)
    selection = Selection(
        tuple(options.target),
        tuple(options.entry_point),
        tuple(options.context),
        tuple(options.probe),
        tuple(options.cell),
    )
    if options.cell and any((options.target, options.entry_point, options.context, options.probe)):
        raise SelectionError(
            "--cell names whole cells; leave out --target, --entry-point, --context and --probe"
        )
    if options.command == "list":
        if options.cells or selection != Selection():
            return commands.list_cells(registry, selection, as_json=options.json)
        return commands.list_names(registry, as_json=options.json)
    return commands.run(
        registry,
        selection,
        expectations=options.expectations,
        results=options.results,
        jobs=options.jobs,
        as_json=options.json,
    )


def _parser() -> argparse.ArgumentParser:
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        "python -m matrix", description=DESCRIPTION, epilog=EXIT_CODES, formatter_class=formatter
    )
    verbs = parser.add_subparsers(dest="command", required=True, metavar="list | run | table")
    listing = verbs.add_parser("list", help="show what can be selected, or the cells of a selection")
    listing.add_argument("--cells", action="store_true", help="list cells, also without a selection")
    running = verbs.add_parser("run", help="judge cells and show the grid")
    running.add_argument(
        "--jobs",
        type=_positive,
        default=default_jobs(),
        metavar="N",
        help="hosts at once (default: %(default)s)",
    )
    running.add_argument(
        "--results",
        type=Path,
        default=Path("results"),
        metavar="DIR",
        help="for matrix.ndjson, .json and .md",
    )
    running.add_argument(
        "--expectations", type=Path, default=BUILT_IN_EXPECTATIONS, metavar="FILE", help="known failures"
    )
    for verb in (listing, running):
        for name, text in PARTS.items():
            verb.add_argument(f"--{name}", action="append", default=[], metavar="NAME", help=text)
        verb.add_argument(
            "--cell", action="append", default=[], metavar="ID", help="a whole cell, as reports name it"
        )
        verb.add_argument("--json", action="store_true", help="print JSON and nothing else")
    tabling = verbs.add_parser("table", help="the table of contexts for the README")
    where = tabling.add_mutually_exclusive_group()
    where.add_argument(
        "--write", type=Path, metavar="FILE", help="replace the table between the file's markers"
    )
    where.add_argument(
        "--check", type=Path, metavar="FILE", help="exit 1 when the file's table is out of date"
    )
    for verb in (listing, running):
        verb.description = SELECTION
    for verb in (listing, running, tabling):
        verb.epilog = EXIT_CODES
        verb.formatter_class = formatter
        verb.add_argument(
            "--registry",
            type=Path,
            default=BUILT_IN,
            metavar="DIR",
            help="folder of contexts/, probes/ and so on",
        )
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("write a number from 1 on")
    return number


if __name__ == "__main__":
    sys.exit(main())
