"""``python -m matrix steady``: the same run many times over, which must say the same each time."""

from __future__ import annotations

import argparse
import contextlib
import json
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from matrix.judged import ExitCode
from matrix.markdown import replace_tables
from matrix.recorded import RECORDS, read_run
from matrix.steadiness import RunSaid, Steadiness, line_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matrix.registry import Registry

__all__ = ("fill", "steady")

DATA = "steady.json"
DESCRIPTION = """\
Run the gate, or what `run` is given after --, N times one after the other, and compare. A cell that is red in
one run and not in another, of the same code, has raised a false alarm: nothing had changed. Writes
steady.json; the folders of runs that differ from the first are kept beside it, those of the others are not.
"""
EXIT_CODES = """\
exit codes:
  0    every cell has the same verdict in all runs
  1    one has not
  2    the command line is wrong
  3    a run did not come to its end, or the code was changed between two of them
  130  interrupted
"""


def fill(verb: argparse.ArgumentParser) -> None:
    """Give the verb its options on the command line."""
    verb.description, verb.epilog = DESCRIPTION, EXIT_CODES
    verb.formatter_class = argparse.RawDescriptionHelpFormatter
    text = "how many runs (default: %(default)s)"
    verb.add_argument("--times", type=_at_least_two, default=20, metavar="N", help=text)
    text = "where steady.json and runs that differ go (default: %(default)s)"
    verb.add_argument("--results", type=Path, default=Path("results/steady"), metavar="DIR", help=text)
    text = "also write the sentence into this document, between its markers, and steady.json beside it"
    verb.add_argument("--write", type=Path, metavar="FILE", help=text)
    text = "options of `python -m matrix run`, after --"
    verb.add_argument("options", nargs="*", metavar="OPTION", help=text)
    verb.set_defaults(perform=_perform)


def _perform(_registry: Registry, options: argparse.Namespace) -> int:
    return steady(options.options, times=options.times, results=options.results, write=options.write)


def steady(options: Sequence[str], *, times: int, results: Path, write: Path | None = None) -> int:
    """Make the runs, print what comes of each, write the files; return the exit code.

    Each run is a process of its own; blocks until it has ended. Ctrl-C and SIGTERM end the one that goes on.

    Args:
        options: of ``python -m matrix run``.
        times: how many runs.
        results: the folder that the files go to.
        write: a document with markers for the sentence, which gets ``steady.json`` beside it.

    Raises:
        ValueError: the options are wrong, or the document has no markers.
    """
    if write is not None:
        replace_tables(write.read_text(encoding="utf-8"), {"steady": ""})
    _remove_runs(results)
    found = Steadiness(shlex.join(["python", "-m", "matrix", "run", *options]), [])
    for number in range(1, times + 1):
        folder = results / f"run-{number}"
        try:
            code = _run_once_more(found.runs, [*options, "--results", str(folder)], folder)
        except _StoppedError as error:
            print(f"run {number} of {times} {error}", file=sys.stderr)
            return error.code
        print(_of_a_run(number, times, code, found.runs), flush=True)
        # Hours may have gone into it: what is known stays, whatever comes.
        (results / DATA).write_text(_text(found), encoding="utf-8", newline="\n")
        if number > 1 and found.runs[-1].cells == found.runs[0].cells:
            shutil.rmtree(folder)
    return _conclude(found, write)


class _StoppedError(Exception):
    """A run has ended in a way that leaves nothing to compare; the text says in which."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


def _run_once_more(runs: list[RunSaid], options: Sequence[str], folder: Path) -> int:
    """Make one more run, add what it has said, and return its exit code.

    Raises:
        _StoppedError: it did not come to its end, or is of other code.
    """
    with _terminated_as_interrupted():
        code = _run(options)
    if code in {ExitCode.USAGE, ExitCode.INTERRUPTED}:
        raise _StoppedError(f"ended with {code}", code)
    try:
        runs.append(RunSaid.of(read_run(folder)))
    except ValueError as error:
        raise _StoppedError(f"ended with {code}: {error}", ExitCode.BROKEN) from error
    if runs[-1].code != runs[0].code:
        raise _StoppedError("is of other code than run 1; change nothing meanwhile", ExitCode.BROKEN)
    return code


def _remove_runs(results: Path) -> None:
    """Remove what an earlier call has left; nothing else that may be there."""
    (results / DATA).unlink(missing_ok=True)
    for records in results.glob(f"run-*/{RECORDS}"):
        shutil.rmtree(records.parent)


@contextlib.contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM raise KeyboardInterrupt, as Ctrl-C does, so that no run is left behind."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _run(options: Sequence[str]) -> int:
    """Run the matrix once, in silence but for its errors; return its exit code."""
    command = [sys.executable, "-m", "matrix", "run", "--json", *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as going:
        try:
            return going.wait()
        except BaseException:
            # It kills its hosts, and leaves records that can be read; the block waits for it.
            going.terminate()
            raise


def _of_a_run(number: int, times: int, code: int, runs: Sequence[RunSaid]) -> str:
    last, first = runs[-1], runs[0]
    differs = sum(last.cells.get(cell) != first.cells.get(cell) for cell in {**first.cells, **last.cells})
    than = "" if number == 1 else f", {differs} unlike run 1"
    return f"run {number} of {times}: exit code {code}, {len(last.cells)} cells in {last.seconds:.0f} s{than}"


def _conclude(found: Steadiness, write: Path | None) -> int:
    sentence = line_of(found.as_data())
    if write is not None:
        document = replace_tables(write.read_text(encoding="utf-8"), {"steady": sentence})
        write.write_text(document, encoding="utf-8", newline="\n")
        write.with_name(DATA).write_text(_text(found), encoding="utf-8", newline="\n")
    for one in found.unsteady:
        print(one.as_line())
    print(sentence)
    return ExitCode.UNEXPECTED if found.unsteady else ExitCode.EXPECTED


def _text(found: Steadiness) -> str:
    return json.dumps(found.as_data(), indent=2) + "\n"


def _at_least_two(text: str) -> int:
    number = int(text)
    if number < 2:
        raise argparse.ArgumentTypeError("write a number from 2 on; one run has nothing to be compared with")
    return number
