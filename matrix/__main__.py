"""The command line of the matrix: arguments in, exit code out."""

from __future__ import annotations

import argparse
import datetime
import importlib
import os
import sys
from pathlib import Path

from matrix import commands, elsewhere
from matrix.broken import BrokenMatrixError
from matrix.cells import Selection, SelectionError
from matrix.elsewhere import ElsewhereError
from matrix.expectations import BUILT_IN_EXPECTATIONS
from matrix.judged import ExitCode
from matrix.parent import default_jobs
from matrix.registry import BUILT_IN, Registry
from matrix.reports import REGRESSIONS
from matrix.shard import parse_shard

DESCRIPTION = "Run every sync entry point in every context and judge it probe by probe, in child processes."
EXIT_CODES = """\
exit codes:
  0    everything is as expected
  1    something is not: a regression, or an entry of the known failures or of the lock to correct
  2    the command line is wrong
  3    the matrix itself failed: a registry file, shards that make no whole, a context that is not what
       it says, a control that its probe did not notice; nothing else in the run can be believed then
  130  interrupted; every child process has been killed
  141  whoever read the output has closed the pipe
"""
COMPARE_CODES = """\
exit codes:
  0    no cell differs
  1    cells have another outcome, are new, or are gone
  2    the command line is wrong, or a path holds no run
  141  whoever read the output has closed the pipe
"""
VERBS = (
    "list",
    "run",
    "explain",
    "repro",
    "import-issue",
    "steady",
    "bisect",
    "power",
    "merge",
    "compare",
    "page",
    "lock",
    "costs",
    "table",
)
SELECTION = """\
Names may be patterns with * and ?; options may be repeated or hold a comma-separated list; a probe
is also named by its promise, as in --probe S3. Without --target a run judges agent_runtime, and the
controls that prove that every probe can fail.
"""
POWER = """\
Each control meets each probe in the chosen contexts, and those that it names where it says. Shows which
probe catches which broken bridge, which are caught by none, and which probes catch none; writes power.json
and power.md. Takes some minutes. Names may be patterns with * and ?, as for run.
"""
POWER_PARTS = {
    "control": "which controls, by the names of their files or as targets (default: all)",
    "context": "in which situations (default: plain_script and asyncio_run)",
    "probe": "which probes, by name or promise (default: all)",
}
OWN_PACKAGES = {
    # verbs whose options and work are in a module of their own, imported when it is asked for: the first
    # cell of a run is not to wait for what draws pages or bisects versions
    "explain": ("matrix.explain", "show all that is known of one cell"),
    "repro": ("matrix.repro.verb", "write one script that shows a cell without the matrix"),
    "import-issue": ("matrix.reports.command", "turn a bug report into cells that run as tests"),
    "steady": ("matrix.steady", "run the gate many times, and show what does not come out alike"),
    "bisect": (
        "matrix.bisection.command",
        "find the chain of contexts, or the version, that a cell's outcome needs",
    ),
}
PARTS = {
    "target": "whose bridge: agent_runtime, control (each probe's own broken bridge), or a peer",
    "entry-point": "which sync function is called",
    "context": "in which situation",
    "probe": "which claim is held against it, by name or promise",
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return its exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    options = _parser(next(iter(given), "")).parse_args(given)
    registry = Registry(options.registry)
    try:
        if getattr(options, "python", None):
            elsewhere.go_on_with(options.python, given)
        code = _verb_of_its_own(registry, options) if "perform" in options else _dispatch(registry, options)
        sys.stdout.flush()
        return code
    except BrokenMatrixError as error:
        print(error, file=sys.stderr)
        return ExitCode.BROKEN
    except BrokenPipeError:
        # Whoever read the output, `head` say, has seen enough; nothing is left to be flushed to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.PIPE
    except (SelectionError, ElsewhereError, OSError, ValueError) as error:
        print(f"python -m matrix: {error}", file=sys.stderr)
        return ExitCode.USAGE
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED


def _verb_of_its_own(registry: Registry, options: argparse.Namespace) -> int:
    """Perform a verb that has a package of its own, and its options there."""
    registry.verify()
    return int(options.perform(registry, options))


def _dispatch(registry: Registry, options: argparse.Namespace) -> int:
    if options.command in {"table", "lock"}:
        write = commands.table if options.command == "table" else commands.lock
        return write(registry, write=options.write, check=options.check)
    if options.command in {"compare", "page", "merge", "costs"}:
        return _of_past_runs(registry, options)
    registry.verify()
    if options.command == "power":
        from matrix.power_command import power

        return power(
            registry,
            controls=options.control,
            contexts=options.context,
            probes=options.probe,
            results=options.results,
            jobs=options.jobs,
            as_json=options.json,
        )
    selection = _selection(options)
    if options.command == "list":
        shard, changed = options.shard, options.changed
        if options.cells or selection != Selection() or shard != (1, 1) or changed is not None:
            return commands.list_cells(
                registry, selection, as_json=options.json, shard=shard, changed=changed
            )
        return commands.list_names(registry, as_json=options.json)
    return commands.run(
        registry,
        selection,
        expectations=options.expectations,
        results=options.results,
        jobs=options.jobs,
        as_json=options.json,
        today=options.today,
        shard=options.shard,
        changed=options.changed,
    )


def _selection(options: argparse.Namespace) -> Selection:
    parts = (options.target, options.entry_point, options.context, options.probe)
    if options.cell and any(parts):
        raise SelectionError(
            "--cell names whole cells; leave out --target, --entry-point, --context and --probe"
        )
    if options.command == "run" and options.report:
        if options.cell or any(parts[1:]):
            raise SelectionError(
                "--report names cells; leave out --cell, --entry-point, --context and --probe"
            )
        from matrix.reports.selected import cells_of_reports

        return Selection(cells=cells_of_reports(options.regressions, options.report, options.target))
    target, entry_point, context, probe = map(tuple, parts)
    return Selection(target, entry_point, context, probe, tuple(options.cell))


def _of_past_runs(registry: Registry, options: argparse.Namespace) -> int:
    from matrix import past_runs

    if options.command == "merge":
        return past_runs.merge_runs(
            registry,
            options.folders,
            expectations=options.expectations,
            results=options.results,
            as_json=options.json,
            today=options.today,
        )
    if options.command == "costs":
        return past_runs.write_costs(registry, options.results, write=options.write)
    if options.command == "compare":
        return past_runs.compare_runs(options.before, options.after, as_json=options.json)
    return past_runs.write_page(options.results, against=options.against, write=options.write)


def _parser(chosen: str) -> argparse.ArgumentParser:
    """Return the parser of all verbs, the one of ``chosen`` with all its options."""
    parser = argparse.ArgumentParser("python -m matrix", description=DESCRIPTION)
    verbs = parser.add_subparsers(dest="command", required=True, metavar=" | ".join(VERBS))
    listing = verbs.add_parser("list", help="show what can be selected, or the cells of a selection")
    listing.add_argument("--cells", action="store_true", help="list cells, also without a selection")
    running = verbs.add_parser("run", help="judge cells and show the grid")
    _add_jobs_and_results(running)
    _add_judging_options(running)
    _add_report_options(running)
    for verb in (listing, running):
        _add_selection(verb)
    for name, (module, text) in OWN_PACKAGES.items():
        verb = verbs.add_parser(name, help=text)
        if name == chosen:
            importlib.import_module(module).fill(verb)
        if name in {"explain", "repro"}:
            elsewhere.add_to(verb)
    powering = verbs.add_parser("power", help="let every probe meet every control: which catches which")
    _add_power_options(powering)
    merging = verbs.add_parser("merge", help="judge the shards of a run as one")
    pricing = verbs.add_parser("costs", help="what hosts and cells cost, for the balance of shards")
    _add_shard_options(merging, pricing)
    comparing = verbs.add_parser("compare", help="show which cells differ between two runs")
    paging = verbs.add_parser("page", help="write a run as one HTML file that needs nothing else")
    _add_past_run_options(comparing, paging)
    tabling = verbs.add_parser("table", help="the table of contexts for the README")
    where = tabling.add_mutually_exclusive_group()
    where.add_argument("--write", type=Path, metavar="FILE", help="replace the table between its markers")
    where.add_argument("--check", type=Path, metavar="FILE", help="exit 1 when its table is out of date")
    locking = verbs.add_parser("lock", help="the list of the gate's cells, cells.lock")
    what = locking.add_mutually_exclusive_group()
    what.add_argument("--write", action="store_true", help="write it: accept the cells that there are now")
    what.add_argument("--check", action="store_true", help="exit 1 when cells have come or gone")
    for verb in (listing, running, powering):
        elsewhere.add_to(verb)
    parser.set_defaults(registry=BUILT_IN)
    for verb in (listing, running, powering, merging, pricing, locking, tabling):
        text = "folder of contexts/, entry_points/, probes/, peers/ and controls/"
        verb.add_argument("--registry", type=Path, default=BUILT_IN, metavar="DIR", help=text)
    for any_parser in (parser, *verbs.choices.values()):
        any_parser.epilog = COMPARE_CODES if any_parser is comparing else any_parser.epilog or EXIT_CODES
        any_parser.formatter_class = argparse.RawDescriptionHelpFormatter
    return parser


def _add_past_run_options(comparing: argparse.ArgumentParser, paging: argparse.ArgumentParser) -> None:
    comparing.add_argument("before", type=Path, metavar="A", help="the earlier run: its folder of results")
    comparing.add_argument("after", type=Path, metavar="B", help="the later one")
    comparing.add_argument("--json", action="store_true", help="print JSON and nothing else")
    text = "folder of results (default: %(default)s)"
    default = Path("results")
    paging.add_argument("results", type=Path, nargs="?", default=default, metavar="RESULTS", help=text)
    text = "an earlier run, whose differences are marked"
    paging.add_argument("--against", type=Path, metavar="OTHER", help=text)
    paging.add_argument("--write", type=Path, required=True, metavar="FILE", help="the page to write")


def _add_power_options(verb: argparse.ArgumentParser) -> None:
    verb.description = POWER
    for name, text in POWER_PARTS.items():
        verb.add_argument(f"--{name}", action="append", default=[], metavar="NAME", help=text)
    verb.add_argument("--json", action="store_true", help="print JSON and nothing else")
    _add_jobs_and_results(verb)


def _add_shard_options(merging: argparse.ArgumentParser, pricing: argparse.ArgumentParser) -> None:
    text = "the results of each shard"
    merging.add_argument("folders", type=Path, nargs="+", metavar="DIR", help=text)
    merging.add_argument("--json", action="store_true", help="print JSON and nothing else")
    _add_results(merging)
    _add_judging_options(merging)
    text = "a run to measure by: its folder of results"
    pricing.add_argument("results", type=Path, metavar="RESULTS", help=text)
    pricing.add_argument(
        "--write", action="store_true", help="write costs.json, which shards are balanced by"
    )


def _add_jobs_and_results(verb: argparse.ArgumentParser) -> None:
    text = "hosts at once (default: %(default)s)"
    verb.add_argument("--jobs", type=_positive, default=default_jobs(), metavar="N", help=text)
    _add_results(verb)


def _add_results(verb: argparse.ArgumentParser) -> None:
    text = "where the files of the run go (default: %(default)s)"
    verb.add_argument("--results", type=Path, default=Path("results"), metavar="DIR", help=text)


def _add_report_options(verb: argparse.ArgumentParser) -> None:
    text = "the cells of a report that was imported, by its id; with --target, of another bridge"
    verb.add_argument("--report", action="append", default=[], metavar="ID", help=text)
    text = "the folder of imported reports (default: tests/regressions)"
    verb.add_argument("--regressions", type=Path, default=REGRESSIONS, metavar="DIR", help=text)


def _add_judging_options(verb: argparse.ArgumentParser) -> None:
    text = "known failures (default: the matrix's own)"
    verb.add_argument("--expectations", type=Path, default=BUILT_IN_EXPECTATIONS, metavar="FILE", help=text)

    text = "the day on which known failures expire or do not, as YYYY-MM-DD (default: today, in UTC)"
    verb.add_argument("--today", type=_day, metavar="DAY", help=text)


def _add_selection(verb: argparse.ArgumentParser) -> None:
    verb.description = SELECTION
    for name, text in PARTS.items():
        verb.add_argument(f"--{name}", action="append", default=[], metavar="NAME", help=text)
    text = "only what a change since this branch left REV can affect, and why (default: the main branch)"
    verb.add_argument("--changed", nargs="?", const="", metavar="REV", help=text)
    text = "one of n parts, balanced by cost; `merge` puts them together"
    verb.add_argument("--shard", type=_shard, default=(1, 1), metavar="i/n", help=text)
    text = "a whole cell, as reports name it; may be a pattern"
    verb.add_argument("--cell", action="append", default=[], metavar="ID", help=text)
    verb.add_argument("--json", action="store_true", help="print JSON and nothing else")


def _shard(text: str) -> tuple[int, int]:
    try:
        return parse_shard(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _day(text: str) -> datetime.date:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day; write YYYY-MM-DD") from None


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("write a number from 1 on")
    return number


if __name__ == "__main__":
    sys.exit(main())
