"""The command line: make the newest environment, run everything in it, and name what turned what red."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from matrix.bisection.environments import PlaceError
from matrix.interpreters.declared import PYPROJECT, requirements_of
from matrix.judged import ExitCode
from matrix.newest.blame import Blame, blame
from matrix.newest.checks import KINDS, Checks, Red
from matrix.newest.packages import differences, installed, newest
from matrix.newest.report import as_data, as_markdown

if TYPE_CHECKING:
    from matrix.newest.packages import Difference

DESCRIPTION = """\
Makes an environment with the newest version of every package, runs gate, tests and lint in it, and names for
what is red which package's newest version made it so: it is put into an environment that has what this one
has, alone, or with others where it takes several. So this one should have what is tested: nox -s newest.
"""
EXIT_CODES = """\
exit codes:
  0    everything is green
  1    something is red; newest.md and newest.json say what, and with which packages
  2    the command line is wrong
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    options = _parser().parse_args(arguments)
    pip = [*(["--pre"] if options.pre else []), *(["--no-index"] if options.no_index else [])]
    pip += [f"--find-links={one}" for one in options.find_links]
    project = options.project.absolute()
    kinds = tuple(options.only or KINDS)
    commands = tuple(tuple(shlex.split(one)) for one in options.lint)
    checks = Checks(project, tuple(options.pytest), lint=commands, kinds=kinds)
    results = options.results.absolute()
    results.mkdir(parents=True, exist_ok=True)
    blames, different = _run(checks, results, options.group, pip)
    data = as_data(blames, different, pip)
    (results / "newest.json").write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
    page = as_markdown(data, blames, different)
    (results / "newest.md").write_text(page, encoding="utf-8")
    print(f"\n{page}", end="")
    return ExitCode.UNEXPECTED if blames else ExitCode.EXPECTED


def _run(
    checks: Checks, results: Path, groups: list[str], pip: list[str]
) -> tuple[list[Blame], tuple[Difference, ...]]:
    try:
        print("installing the newest of everything", flush=True)
        wanted = _requirements(checks.project / PYPROJECT.name, groups)
        python = newest(results / "environment", checks.project, wanted, pip)
        different = differences(installed(Path(sys.executable)), installed(python))
    except PlaceError as error:
        red = Red("command", "pip install of the newest of everything", "cannot be installed", str(error))
        return [Blame(red, reason="no versions fit together, or one cannot be built")], ()
    print(f"{len(different)} packages differ: {', '.join(map(str, different)) or 'none'}", flush=True)
    reds = checks.red(python, results)
    for red in reds:
        print(f"red: {red.kind} {red.name}: {red.word}", flush=True)
    found = blame(checks, reds, python, different, options=pip, note=lambda line: print(line, flush=True))
    return found, different


def _requirements(pyproject: Path, groups: list[str]) -> list[str]:
    declared = tomllib.loads(pyproject.read_text(encoding="utf-8")).get("dependency-groups", {})
    return list(dict.fromkeys(one for name in groups for one in requirements_of(declared, name, pyproject)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m matrix.newest",
        description=DESCRIPTION,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--pre", action="store_true", help="take pre-releases, too")
    parser.add_argument("--only", action="append", choices=KINDS, help="only this; may be repeated")
    text = "a command of lint; may be repeated"
    parser.add_argument("--lint", action="append", default=[], metavar="COMMAND", help=text)
    text = "an argument for pytest, such as --pytest=tests/unit; may be repeated"
    parser.add_argument("--pytest", action="append", default=[], metavar="ARGUMENT", help=text)
    text = "a dependency group to install; may be repeated"
    parser.add_argument("--group", action="append", default=[], metavar="NAME", help=text)
    text = "a folder or page of wheels, for pip; may be repeated"
    parser.add_argument("--find-links", action="append", default=[], metavar="DIR", help=text)
    parser.add_argument("--no-index", action="store_true", help="let pip look at --find-links alone")
    text = "where everything is run (default: this project)"
    parser.add_argument("--project", type=Path, default=PYPROJECT.parent, metavar="DIR", help=text)
    text = "where newest.md and newest.json go, and the environment (default: %(default)s)"
    parser.add_argument("--results", type=Path, default=Path("results", "newest"), metavar="DIR", help=text)
    return parser


if __name__ == "__main__":
    sys.exit(main())
