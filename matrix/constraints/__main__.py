"""The command line: let uv choose versions for all that pyproject.toml asks for, and write them down."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from matrix.constraints.declared import NOX, all_wanted, tried_wanted
from matrix.constraints.pinned import lacking, merged, trimmed
from matrix.constraints.wheels import NoVersionError, options_for, with_wheels
from matrix.interpreters import found
from matrix.interpreters.declared import PYPROJECT, DeclarationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matrix.constraints.declared import Wanted
    from matrix.interpreters.found import Interpreter

DESCRIPTION = """\
Writes constraints/: what every nox session installs, by version of Python. What stands there stays as long as
pyproject.toml allows it, so that a new dependency adds lines and changes none; --upgrade takes the newest.
The file of a build without the GIL is written where that is found: it names what has wheels for it, on Linux.
"""
_PATHS = "an interpreter to be found, besides those that are looked for; may be repeated"
_SOURCES = ("pyyaml",)
"""What is built from source where it has no wheel: the project itself needs it, and it takes no compiler."""
EXIT_CODES = """\
exit codes:
  0    every file is written; with --check, every file says what pyproject.toml asks for
  1    uv found no versions that fit together, or with --check, a file lacks something
  2    the command line or pyproject.toml is wrong
"""
_OPTIONS = ("--quiet", "--no-header", "--no-annotate", "--no-config")


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(
        "python -m matrix.constraints",
        description=DESCRIPTION,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions of everything")
    text = "take the newest version of this package; may be repeated"
    parser.add_argument("--upgrade-package", action="append", default=[], metavar="NAME", help=text)
    parser.add_argument("--check", action="store_true", help="write nothing, and say what the files lack")
    text = "the project's file (default: this project's)"
    parser.add_argument("--python", action="append", default=[], type=Path, metavar="PATH", help=_PATHS)
    parser.add_argument("--pyproject", type=Path, default=PYPROJECT, metavar="FILE", help=text)
    options = parser.parse_args(arguments)
    upgrades = ["--upgrade"] if options.upgrade else []
    upgrades += [f"--upgrade-package={name}" for name in options.upgrade_package]
    folder = options.pyproject.absolute().parent / "constraints"
    try:
        wanted, tried = list(all_wanted(options.pyproject)), list(tried_wanted(options.pyproject))
    except DeclarationError as error:
        print(f"python -m matrix.constraints: {error}", file=sys.stderr)
        return 2
    if options.check:
        return int(sum(_check(one, folder) for one in wanted) > 0)
    together: dict[tuple[str, ...], list[Wanted]] = {}
    for one in wanted:
        together.setdefault(one.requirements, []).append(one)
    failed = [_write(ones, folder, upgrades) for ones in together.values()]
    here = {one.name: one for one in found.interpreters([*options.python, *found.candidates(os.environ)])}
    failed += [
        _write_tried(one, optional, here[one.name], folder, upgrades)
        for one, optional in tried
        if one.name in here
    ]
    return int(any(failed))


def _check(wanted: Wanted, folder: Path) -> bool:
    path = folder / f"{wanted.name}.txt"
    missing = lacking(wanted, path.read_text(encoding="utf-8") if path.exists() else "")
    for one in missing:
        print(f"{one}; run nox -s constraints")
    return bool(missing)


def _write(ones: list[Wanted], folder: Path, upgrades: list[str]) -> bool:
    """Choose versions for files with the same requirements, in one go; return whether it failed."""
    names = ", ".join(f"constraints/{one.name}.txt" for one in ones)
    paths = [(folder / f"{one.name}.txt", one.pythons) for one in ones]
    there = {pythons: path.read_text(encoding="utf-8") for path, pythons in paths if path.exists()}
    oldest = min(ones[0].pythons, key=lambda name: int(name.partition(".")[2]))
    try:
        universal = ["--universal", f"--python-version={oldest}", *upgrades]
        answer = _resolved(ones[0].requirements, merged(there), universal)
    except NoVersionError as error:
        print(f"{names}: no versions fit together\n{error}", file=sys.stderr)
        return True
    folder.mkdir(exist_ok=True)
    for one in ones:
        what = "nox for the README's commands" if one.name == NOX else f"CPython {', '.join(one.pythons)}"
        text = _head(what) + trimmed(answer, one.pythons)
        Path(folder, f"{one.name}.txt").write_text(text, encoding="utf-8", newline="\n")
    print(f"{names}: written", flush=True)
    return False


def _write_tried(
    wanted: Wanted, optional: Iterable[str], interpreter: Interpreter, folder: Path, upgrades: list[str]
) -> bool:
    """Write the file of a build without the GIL; return whether it failed."""
    path = folder / f"{wanted.name}.txt"
    there = path.read_text(encoding="utf-8") if path.exists() else ""
    options = [*options_for(interpreter, _SOURCES), *upgrades]
    try:
        text = with_wheels(wanted.requirements, optional, lambda asked: _resolved(asked, there, options))
    except NoVersionError as error:
        print(f"constraints/{path.name}: no versions fit together\n{error}", file=sys.stderr)
        return True
    path.write_text(_head(f"CPython {wanted.name}") + text, encoding="utf-8", newline="\n")
    print(f"constraints/{path.name}: written", flush=True)
    return False


def _head(what: str) -> str:
    return f"# Versions that the tests have passed with: {what}. `nox -s constraints` writes this file.\n"


def _resolved(requirements: Sequence[str], there: str, options: Sequence[str]) -> str:
    with tempfile.TemporaryDirectory(prefix="constraints-") as temporary:
        asked, answer = Path(temporary, "asked.in"), Path(temporary, "answer.txt")
        asked.write_text("\n".join(requirements) + "\n", encoding="utf-8")
        answer.write_text(there, encoding="utf-8")  # uv stays with the versions that it finds in its output
        command = ["uv", "pip", "compile", *_OPTIONS, *options, str(asked), "--output-file", str(answer)]
        done = subprocess.run(
            command,
            cwd=temporary,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise NoVersionError(done.stdout)
        return answer.read_text(encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
