"""The command line: find the interpreters, run the suites on each, end with one table."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from matrix.interpreters import found
from matrix.interpreters.declared import PYPROJECT, DeclarationError, Declared
from matrix.interpreters.environment import ENVIRONMENTS, Environment, InstallError
from matrix.interpreters.suites import SUITES, run_suite
from matrix.interpreters.table import Row, as_table
from matrix.judged import ExitCode
from matrix.plan import in_ci

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matrix.interpreters.found import Interpreter

PROJECT = PYPROJECT.parent
DESCRIPTION = "Run contexts and short stress on every CPython of this machine, each in its own environment."
EXIT_CODES = """\
exit codes:
  0    every interpreter that was found passes every suite
  1    a suite failed, an environment could not be made, or (in CI) a supported version was not found
  2    the command line or pyproject.toml is wrong, or there is nothing to run
  130  interrupted; the table shows what was known by then
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        declared = Declared.read()
        rows = _rows(declared, options.python)
    except (DeclarationError, ValueError) as error:
        print(f"python -m matrix.interpreters: {error}", file=sys.stderr)
        return ExitCode.USAGE
    _say_what_was_found(rows, declared)
    if options.list:
        return _exit_code(rows, declared)
    suites = options.suite or list(SUITES)
    interrupted = False
    try:
        for row in rows:
            if row.interpreter is not None:
                _fill(row, row.interpreter, suites, declared, options)
    except KeyboardInterrupt:
        interrupted = True
    _finish(rows, suites, options.results)
    return ExitCode.INTERRUPTED if interrupted else _exit_code(rows, declared)


def _rows(declared: Declared, wanted: Sequence[str]) -> list[Row]:
    """Return a row for each version to run or to miss, oldest first.

    Raises:
        ValueError: something wanted is neither a CPython nor a version that is known here.
    """
    given = {one.name: one for one in map(_at, filter(_is_path, wanted))}
    names = {name for name in wanted if not _is_path(name)}
    here = {one.name: one for one in found.interpreters(found.candidates(os.environ))} | given
    known = {*declared.names, *here}
    for name in names - known:
        choice = ", ".join(sorted(known, key=_by_version))
        raise ValueError(f"--python {name} is neither declared nor found; write a path, or one of {choice}")
    chosen = names | set(given) if wanted else known
    return [Row(name, here.get(name)) for name in sorted(chosen, key=_by_version)]


def _is_path(text: str) -> bool:
    return any(separator in text for separator in (os.sep, os.altsep) if separator)


def _at(text: str) -> Interpreter:
    one = found.ask(Path(text))
    if one is None:
        raise ValueError(f"--python {text}: {found.NOT_ONE}")
    return one


def _by_version(name: str) -> tuple[int, ...]:
    major, _, minor = name.removesuffix("t").partition(".")
    return int(major), int(minor), name.endswith("t")


def _say_what_was_found(rows: Iterable[Row], declared: Declared) -> None:
    for row in rows:
        what = "supported" if row.name in declared.supported else "tried where it is found"
        where = "not found" if row.interpreter is None else row.interpreter.executable
        release = "" if row.interpreter is None else f" ({row.interpreter.release})"
        print(f"{row.name:<6} {what}: {where}{release}", flush=True)


def _fill(
    row: Row,
    interpreter: Interpreter,
    suites: Sequence[str],
    declared: Declared,
    options: argparse.Namespace,
) -> None:
    """Make the environment of one interpreter and run the suites in it; Ctrl-C comes out."""
    environment = Environment(interpreter, options.environments / row.name)
    print(f"{row.name}: installing", flush=True)
    try:
        environment.create()
        row.left_out = environment.install(PROJECT, declared.required, declared.optional)
    except InstallError as error:
        row.trouble = f"no environment: {error}"
        print(f"{row.name}: {row.trouble}", flush=True)
        return
    for name, reason in row.left_out.items():
        print(f"{row.name}: left out: {name} {reason}", flush=True)
    for name in suites:
        print(f"{row.name}: running {name}", flush=True)
        folder = options.results / row.name / name
        result = run_suite(
            SUITES[name], environment, folder.resolve(), project=PROJECT, complete=not row.left_out
        )
        row.results[name] = result
        print(f"{row.name}: {name}: {result} in {result.seconds:.0f} s, see {result.log}", flush=True)


def _finish(rows: Sequence[Row], suites: Sequence[str], results: Path) -> None:
    """Show the table and write it for a CI summary."""
    table = as_table(rows, suites)
    results.mkdir(parents=True, exist_ok=True)
    (results / "interpreters.md").write_text(table, encoding="utf-8")
    print(f"\n{table}", end="", flush=True)


def _exit_code(rows: Sequence[Row], declared: Declared) -> ExitCode:
    missing = [row.name for row in rows if row.interpreter is None and row.name in declared.supported]
    if missing and in_ci():
        print(f"not found: {', '.join(missing)}; in CI every supported version has to be there")
        return ExitCode.UNEXPECTED
    if any(row.is_red for row in rows):
        return ExitCode.UNEXPECTED
    if all(row.interpreter is None for row in rows):
        print("nothing was run: none of these interpreters was found")
        return ExitCode.USAGE
    return ExitCode.EXPECTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m matrix.interpreters",
        description=DESCRIPTION,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    text = "a version such as 3.14 or 3.14t, or the path of an interpreter; may be repeated"
    parser.add_argument("--python", action="append", default=[], metavar="VERSION", help=text)
    text = "only this suite; may be repeated"
    parser.add_argument("--suite", action="append", choices=list(SUITES), help=text)
    parser.add_argument("--list", action="store_true", help="say what is found and missing, run nothing")
    text = "where the environments are kept (default: %(default)s)"
    parser.add_argument("--environments", type=Path, default=ENVIRONMENTS, metavar="DIR", help=text)
    text = "where a folder for each version goes, and interpreters.md (default: %(default)s)"
    folder = Path("results", "interpreters")
    parser.add_argument("--results", type=Path, default=folder, metavar="DIR", help=text)
    return parser


if __name__ == "__main__":
    sys.exit(main())
