"""Workflow files of a command line, and the lines of them that a mistake stands in."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from agent_runtime.cli.exit_codes import UsageError
from agent_runtime.cli.output import one_line, visible
from agent_runtime.errors import Problem

__all__ = ("print_problems", "refuse_same", "source_named")

_MAX_BYTES = 16_000_000
"""As much as a workflow file may have."""

_WIDTH = 160
"""Characters of a line that are shown; a guess."""


def source_named(file: str) -> Path | str:
    """Return what a file argument stands for: a path, whatever is in its name; for ``-``, all of stdin."""
    if file != "-":
        return Path(file)
    data = sys.stdin.buffer.read(_MAX_BYTES)
    return data.decode("utf-8-sig", "surrogateescape") + "\n"  # a line break tells text from a path


def refuse_same(output: str, *sources: str) -> None:
    """Refuse to write over what a command reads.

    Raises:
        UsageError: the output is one of the sources.
    """
    for source in sources:
        with contextlib.suppress(OSError, ValueError):  # what is not there cannot be written over
            if os.path.samefile(output, source):
                raise UsageError(f"{output}: this is what is read; name another file to write to")


def print_problems(problems: Sequence[Problem], file: TextIO) -> None:
    """Write each mistake in a line of its own, and below it the line that it stands in."""
    lines: dict[str, list[str]] = {}
    for problem in problems:
        print(one_line(str(problem)), file=file)
        if problem.line is None or problem.column is None:
            continue
        if problem.file not in lines:
            lines[problem.file] = _lines_of(problem.file)
        if problem.line <= len(lines[problem.file]):
            _print_place(lines[problem.file][problem.line - 1], problem.line, problem.column, file)


def _print_place(text: str, line: int, column: int, file: TextIO) -> None:
    """Show a line with a caret below a column, or the part of it around the column."""
    first = max(0, column - _WIDTH // 2) if len(text) > _WIDTH else 0
    before = one_line(text[first : column - 1])
    after = one_line(text[max(first, column - 1) : first + _WIDTH])
    number = f"{line:>6} | "
    print(f"{number}{before}{after}", file=file)
    print(f"{' ' * (len(number) - 2)}| {' ' * len(before)}^", file=file)


def _lines_of(file: str) -> list[str]:
    """Return the lines of a file once more; none if it is not there any more, or was no file."""
    try:
        with open(file, "rb") as opened:
            data = opened.read(_MAX_BYTES)
    except (OSError, ValueError):
        return []
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    return visible(data.decode(encoding, "replace").replace("\r\n", "\n").replace("\r", "\n")).split("\n")
