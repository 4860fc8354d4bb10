"""``python -m matrix bisect CELL``: the smallest chain of contexts, or the version, that a failure needs."""

from __future__ import annotations

import argparse
import json
import os
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from matrix.bisection.chain import shorten
from matrix.bisection.environments import Installer, PlaceError, with_python, with_version
from matrix.bisection.text import (
    flipped_as_data,
    lines_of_flipped,
    lines_of_shortened,
    shortened_as_data,
    step,
)
from matrix.bisection.versions import between, where_it_flips
from matrix.cells import SelectionError
from matrix.chains import SEPARATOR
from matrix.judged import ExitCode
from matrix.one_cell import one_cell
from matrix.registry import BUILT_IN

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matrix.bisection.environments import Place
    from matrix.bisection.seen import Seen
    from matrix.bisection.versions import Flipped
    from matrix.model import Cell
    from matrix.registry import Registry

__all__ = ("fill",)

DESCRIPTION = """\
Finds what the outcome of a cell hangs on, by performing it again and again:

  bisect CELL --chain                  leaves links out of a chain of contexts while the cell fails as before;
                                       CELL is named TARGET/ENTRY_POINT/OUTER+INNER+INNERMOST/PROBE
  bisect CELL --package NAME --good V --bad V
                                       makes an environment for each version it tries; pip installs the
                                       package there, everything else is as it is here
  bisect CELL --pythons A B C          performs it in environments that are there, named by their
                                       interpreter, or in one that is made for a version, such as 3.13

Each step performs the cell --times times; one that comes out now so, now so is called flaky, and no search
goes by it. Two outcomes are the same if outcome and signature are.
"""
EXIT_CODES = """\
exit codes:
  0    found
  1    nothing to find: the cell passes, does not flip or is flaky; or the place is not known exactly
  2    the command line is wrong
  3    the matrix itself failed: an end of the row cannot be performed, or a registry file is wrong
  130  interrupted; every child process has been killed
  141  whoever read the output has closed the pipe
"""
_OURS = "agent-runtime"


def fill(verb: argparse.ArgumentParser) -> None:
    """Give the verb its options on the command line."""
    verb.description, verb.epilog = DESCRIPTION, EXIT_CODES
    verb.formatter_class = argparse.RawDescriptionHelpFormatter
    verb.set_defaults(perform=_bisect)
    verb.add_argument("cell", metavar="CELL", help="the cell to perform")
    kind = verb.add_mutually_exclusive_group(required=True)
    kind.add_argument("--chain", action="store_true", help="find the smallest chain that still fails so")
    kind.add_argument("--package", metavar="NAME", help="find the version of this package where it flips")
    text = "find the interpreter where it flips, oldest first: versions (3.12) or paths of interpreters"
    kind.add_argument("--pythons", nargs="+", default=[], metavar="PYTHON", help=text)
    text = "a version, or one of --pythons, with one outcome (default: the first)"
    verb.add_argument("--good", metavar="V", help=text)
    verb.add_argument("--bad", metavar="V", help="one with another outcome (default: the last)")
    text = "the versions in order, oldest first, with commas (default: those that pip finds)"
    verb.add_argument("--versions", metavar="V,V,...", help=text)
    text = "a folder or page of wheels, for pip; may be repeated"
    verb.add_argument("--find-links", action="append", default=[], metavar="DIR", help=text)
    text = "pip's index (default: what pip's settings say)"
    verb.add_argument("--index-url", metavar="URL", help=text)
    verb.add_argument("--no-index", action="store_true", help="let pip look at --find-links alone")
    verb.add_argument("--pre", action="store_true", help="let pip find pre-releases, too")
    text = "how often each step performs the cell (default: %(default)s)"
    verb.add_argument("--times", type=_times, default=3, metavar="N", help=text)
    text = "folder of contexts/, entry_points/, probes/, peers/ and controls/"
    verb.add_argument("--registry", type=Path, default=BUILT_IN, metavar="DIR", help=text)
    verb.add_argument("--json", action="store_true", help="print JSON and nothing else")


def _bisect(registry: Registry, options: argparse.Namespace) -> int:
    _must_fit(options)
    cell = one_cell(registry, options.cell)
    note = _quiet if options.json else _say
    if options.chain:
        return _of_chain(registry, cell, options, note)
    if options.package:
        return _of_package(registry, cell, options, note)
    row = between(options.pythons, options.good, options.bad)
    found = where_it_flips(registry, cell, row, with_python, times=options.times, note=note)
    return _tell(found, kind="pythons", what="Python", as_json=options.json)


def _must_fit(options: argparse.Namespace) -> None:
    """Raise if options were given that speak of another search."""
    of_package = {
        "--versions": options.versions,
        "--find-links": options.find_links,
        "--index-url": options.index_url,
        "--no-index": options.no_index,
        "--pre": options.pre,
    }
    given = [name for name, value in of_package.items() if value]
    if given and not options.package:
        raise SelectionError(f"{', '.join(given)} speak of versions of a package; write --package NAME")
    if options.chain and (options.good or options.bad):
        raise SelectionError("--good and --bad speak of versions; leave them out with --chain")


def _of_chain(
    registry: Registry, cell: Cell, options: argparse.Namespace, note: Callable[[str, Seen], None]
) -> int:
    if SEPARATOR not in cell.context:
        raise SelectionError(
            f"{cell.context} is one context; write a chain, the outermost first:"
            " .../asyncio_run+executor_thread+finaliser/..."
        )
    found = shorten(registry, cell, times=options.times, note=note)
    if options.json:
        print(json.dumps(shortened_as_data(found), indent=2))
    else:
        print("\n".join(lines_of_shortened(found)))
    if found.links is None:
        return _code_without_answer([found.seen])
    return ExitCode.EXPECTED


def _of_package(
    registry: Registry, cell: Cell, options: argparse.Namespace, note: Callable[[str, Seen], None]
) -> int:
    if re.sub(r"[-_.]+", "-", options.package).lower() == _OURS:
        raise SelectionError(
            f"{_OURS} is performed from this checkout; check another one out, run there, and compare the runs"
        )
    # pip runs in another folder, so paths have to be whole; what has a scheme is an address.
    links = [one if "://" in one else os.path.abspath(one) for one in options.find_links]
    index = [] if options.index_url is None else [f"--index-url={options.index_url}"]
    flags = [name for name in ("--no-index", "--pre") if getattr(options, name[2:].replace("-", "_"))]
    installer = Installer(options.package, (*(f"--find-links={one}" for one in links), *index, *flags))
    try:
        versions = installer.versions() if options.versions is None else options.versions.split(",")
    except PlaceError as error:
        raise SelectionError(str(error)) from error
    row = between([one.strip() for one in versions if one.strip()], options.good, options.bad)
    make: Callable[[str, Path], Place] = partial(with_version, installer)
    found = where_it_flips(registry, cell, row, make, times=options.times, note=note)
    return _tell(found, kind="package", what=options.package, as_json=options.json)


def _tell(found: Flipped, *, kind: str, what: str, as_json: bool) -> int:
    if as_json:
        print(json.dumps(flipped_as_data(found, kind=kind, what=what), indent=2))
    else:
        print("\n".join(lines_of_flipped(found, what=what)))
    if found.flip is None:
        return _code_without_answer(found.ends)
    return ExitCode.UNEXPECTED if found.flip.between else ExitCode.EXPECTED


def _code_without_answer(ends: Sequence[Seen]) -> int:
    broken = any(not seen.tells and not seen.flaky for seen in ends)
    return ExitCode.BROKEN if broken else ExitCode.UNEXPECTED


def _say(name: str, seen: Seen) -> None:
    print(step(name, seen), flush=True)


def _quiet(name: str, seen: Seen) -> None:
    """Say nothing on the way."""


def _times(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: write a number from 1 on")
    return int(text)
