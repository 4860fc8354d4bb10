"""``python -m matrix import-issue``: reports into files of ``tests/regressions``, and what those come to."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from dataclasses import asdict, dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from matrix.judged import ExitCode
from matrix.registry import BUILT_IN
from matrix.reports import REGRESSIONS
from matrix.reports.entries import read_entries
from matrix.reports.families import FAMILIES
from matrix.reports.pages import read_page
from matrix.reports.placing import Hints, Placement, place
from matrix.reports.regressions import (
    Regression,
    RegressionError,
    problems_of,
    read_regressions,
    regression_of,
    states,
)
from matrix.reports.report import Report, ReportError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matrix.registry import Registry

__all__ = ("fill", "import_issue")

DESCRIPTION = """\
Reads bug reports, finds out which family of failures each belongs to and in which context it shows, and
writes a file for each that names the cells which reproduce it; those run as tests, and with
`python -m matrix run --report ID`. What cannot be told is said, not guessed; options answer it.
"""
EXIT_CODES = """\
exit codes:
  0    every report has its cells; with --summary: the files hold
  1    some report is not, or not wholly, reproduced: the output says what is missing
  2    the command line is wrong, or FILE holds no report
  3    the registry, or a file of the regressions, is wrong
  141  whoever read the output has closed the pipe
"""
_MARKDOWN, _YAML = (".md", ".markdown"), (".yaml", ".yml")


@dataclass(frozen=True)
class Imported:
    """What became of one report: where it belongs, and what was done with its file."""

    placement: Placement
    regression: Regression | None
    done: str

    @property
    def state(self) -> str:
        """How far it is reproduced; of a file that was kept, as that says."""
        return self.placement.state if self.regression is None else self.regression.state


def fill(verb: argparse.ArgumentParser) -> None:
    """Give the verb its options on the command line."""
    verb.description, verb.epilog = DESCRIPTION, EXIT_CODES
    verb.formatter_class = argparse.RawDescriptionHelpFormatter
    verb.set_defaults(perform=import_issue)
    text = "reports: YAML with one entry or a list (.yaml, .yml), or one as Markdown (.md)"
    verb.add_argument("file", type=Path, nargs="?", metavar="FILE", help=text)
    text = "write nothing; count the files that are there: by family, and by what they wait for"
    verb.add_argument("--summary", action="store_true", help=text)
    verb.add_argument("--only", metavar="ID", help="of a list, one report")
    verb.add_argument("--id", metavar="ID", help="what to call it, where FILE holds one report")
    verb.add_argument(
        "--family", default="", metavar="NAME", help="what goes wrong, if its words do not tell"
    )
    text = "where it goes wrong, if its words do not tell; may be repeated"
    verb.add_argument("--context", action="append", default=[], metavar="NAME", help=text)
    text = "the claim that it breaks, if its words do not tell; may be repeated"
    verb.add_argument("--probe", action="append", default=[], metavar="NAME", help=text)
    verb.add_argument("--replace", action="store_true", help="write also files that are there and differ")
    verb.add_argument("--dry-run", action="store_true", help="write nothing; say what would be")
    text = "the folder of regression files (default: tests/regressions)"
    verb.add_argument("--regressions", type=Path, default=REGRESSIONS, metavar="DIR", help=text)
    text = "folder of contexts/, entry_points/, probes/, peers/ and controls/"
    verb.add_argument("--registry", type=Path, default=BUILT_IN, metavar="DIR", help=text)
    verb.add_argument("--json", action="store_true", help="print JSON and nothing else")


def import_issue(registry: Registry, options: argparse.Namespace) -> int:
    """Import the reports of a file, or sum up what is imported; return the exit code.

    Raises:
        ReportError: the file holds no report, or the options do not fit it.
        RegressionError: a file of the regressions is wrong.
    """
    if options.summary:
        if options.file is not None:
            raise ReportError("--summary counts the files that are there; leave FILE out")
        return _summary(registry, options.regressions, as_json=options.json)
    if options.file is None:
        raise ReportError("name a FILE to import, or write --summary")
    reports = _reports(options.file, only=options.only, called=options.id)
    hints = Hints(options.family, tuple(options.context), tuple(options.probe))
    if len(reports) > 1 and hints != Hints():
        raise ReportError(
            f"{options.file} holds {len(reports)} reports; --family, --context and --probe speak of one,"
            " so choose it with --only ID"
        )
    placed = [place(registry, report, hints) for report in reports]
    imported = [_import(registry, one, options) for one in placed]
    if options.json:
        print(json.dumps([_as_data(one) for one in imported], indent=2))
    else:
        for one in imported:
            _say(one)
        _say_missing(imported)
    whole = all(one.state == "mapped" for one in imported)
    return ExitCode.EXPECTED if whole else ExitCode.UNEXPECTED


def _reports(file: Path, *, only: str | None, called: str | None) -> list[Report]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ReportError(f"{file}:1: not UTF-8: {error}; write it as UTF-8") from error
    suffix = file.suffix.lower()
    if suffix in _YAML:
        reports = read_entries(file, text)
    elif suffix in _MARKDOWN:
        reports = [read_page(file, text)]
    else:
        expected = ", ".join((*_YAML, *_MARKDOWN))
        raise ReportError(f"{file}: {suffix or 'no suffix'} is not known; expected one of {expected}")
    if only is not None:
        ids = [report.id for report in reports]
        reports = [report for report in reports if report.id == only]
        if not reports:
            near = ", ".join(get_close_matches(only, ids, n=3, cutoff=0.4) or ids[:3])
            raise ReportError(f"{file}: there is no report {only!r}; nearest: {near}")
    if called is not None:
        if len(reports) != 1:
            raise ReportError(
                f"{file} holds {len(reports)} reports; --id names one, so choose it with --only"
            )
        reports = [replace(reports[0], id=called)]
    return reports


def _import(registry: Registry, placement: Placement, options: argparse.Namespace) -> Imported:
    """Write the file of a report, unless it is there already or the report has no place."""
    if placement.state == "unplaced":
        return Imported(placement, None, "not written")
    regression = regression_of(registry, placement)
    path = options.regressions / f"{regression.id}.toml"
    text = regression.as_toml()
    if path.exists():
        if path.read_text(encoding="utf-8") == text:
            return Imported(placement, regression, "unchanged")
        if not options.replace:
            known = {one.id: one for one in read_regressions(options.regressions)}
            return Imported(placement, known[regression.id], "kept")
    if options.dry_run:
        return Imported(placement, regression, "would be written")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")
    return Imported(placement, regression, "written")


def _say(one: Imported) -> None:
    placement, regression = one.placement, one.regression
    family = "" if placement.family is None else placement.family.name
    kept = " (differs from what is told; --replace writes it anew)" if one.done == "kept" else ""
    print(f"{placement.report.id}  {one.state}  {family}  {one.done}{kept}")
    for because in placement.because:
        print(f"    {because}")
    for cell in () if regression is None else regression.cells:
        print(f"    cells  {cell}")
    for doubt in placement.doubts:
        print(f"    {doubt}", file=sys.stderr)


def _say_missing(imported: Sequence[Imported]) -> None:
    counts = Counter(one.state for one in imported)
    print(", ".join(f"{number} {state}" for state, number in counts.items()))
    missing = Counter(
        name for one in imported if one.regression is not None for name in one.regression.waits_for
    )
    for name, number in missing.most_common():
        print(f"    {name}  {_to_add(name)}: {_reports_of(number)} for it")


def _to_add(waited: str) -> str:
    kind, _, name = waited.partition(":")
    return f"add matrix/{kind}s/{name}.py"


def _reports_of(number: int) -> str:
    return "1 report waits" if number == 1 else f"{number} reports wait"


def _summary(registry: Registry, folder: Path, *, as_json: bool) -> int:
    """Count what is imported; hold the files against the registry first."""
    if not folder.is_dir():
        raise ReportError(
            f"{folder}: there is no such folder; --regressions names the one that holds the files"
        )
    problems = problems_of(registry, folder)
    if problems:
        raise RegressionError(problems)
    regressions = read_regressions(folder)
    counts = states(regressions)
    waits = Counter(name for one in regressions for name in one.waits_for)
    families = Counter(one.family for one in regressions)
    if as_json:
        data = {
            "reports": len(regressions),
            **{state: counts[state] for state in ("mapped", "partly", "waiting")},
            "families": dict(families.most_common()),
            "waits_for": dict(waits.most_common()),
        }
        print(json.dumps(data, indent=2))
        return ExitCode.EXPECTED
    print(f"{len(regressions)} reports in {folder.name}:", end=" ")
    print(", ".join(f"{counts[state]} {state}" for state in ("mapped", "partly", "waiting")))
    for family in FAMILIES:
        if families[family.name]:
            print(f"  {families[family.name]:>3}  {family.name}: {family.sentence}")
    for name, number in waits.most_common():
        print(f"  {name}  {_to_add(name)}: {_reports_of(number)} for it")
    return ExitCode.EXPECTED


def _as_data(one: Imported) -> dict[str, object]:
    return {
        "id": one.placement.report.id,
        "state": one.state,
        "done": one.done,
        "because": [str(because) for because in one.placement.because],
        "doubts": list(one.placement.doubts),
        "regression": None if one.regression is None else asdict(one.regression),
    }
