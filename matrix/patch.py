"""Texts before and after as a unified diff that ``git apply`` takes, and edits of tables in a TOML text."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from matrix.tomllines import Table

__all__ = ("Edit", "edited", "quoted", "read_exactly", "unified", "value_of_cells")


@dataclass(frozen=True)
class Edit:
    """What becomes of one entry.

    Attributes:
        table: where it stands.
        cells: the patterns that it is left with; none delete it.
        renewed: its new last day, with a reason to be written anew; None to leave both.
    """

    table: Table
    cells: Sequence[str]
    renewed: datetime.date | None = None


def read_exactly(path: Path) -> str:
    """Return a file's text with the line ends that it has; empty for a file that is not there."""
    return path.read_bytes().decode("utf-8") if path.is_file() else ""


def edited(text: str, edits: Mapping[int, Edit], *, add: Sequence[str] = ()) -> str:
    """Return a TOML text with some of its tables edited, by the lines of their headings, and others added.

    Each text of ``add`` is a whole table. The line ends are those of the text.
    """
    end = "\r\n" if "\r\n" in text else "\n"
    lines = [line.removesuffix("\n").removesuffix("\r") for line in _lines(text)]
    for edit in sorted(edits.values(), key=lambda edit: edit.table.heading, reverse=True):
        _apply(lines, edit)
    for table in add:
        while lines and not lines[-1].strip():
            lines.pop()
        lines += [*([""] if lines else []), *table.splitlines()]
    return "".join(line + end for line in lines)


def _apply(lines: list[str], edit: Edit) -> None:
    table = edit.table
    if not edit.cells:
        after = table.end
        while after < len(lines) and not lines[after].strip():
            after += 1
        del lines[table.first : after]
        return
    changes = {"cells": [f"cells = {value_of_cells(edit.cells)}"]}
    if edit.renewed is not None:
        was = " ".join(" ".join(lines[slice(*table.keys["reason"])]).split())
        changes["reason"] = [f"# was: {was}", 'reason = ""']
        changes["expires"] = [f"expires = {edit.renewed}"]
    for key, new in sorted(changes.items(), key=lambda change: table.keys[change[0]], reverse=True):
        lines[slice(*table.keys[key])] = "\n".join(new).split("\n")


def value_of_cells(patterns: Sequence[str]) -> str:
    """Return patterns as TOML: one text, or a list with a line for each."""
    if len(patterns) == 1:
        return quoted(patterns[0])
    return "[\n" + "".join(f"    {quoted(pattern)},\n" for pattern in patterns) + "]"


def quoted(text: str) -> str:
    """Return a text as a TOML string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda sign: f"\\u{ord(sign[0]):04x}", escaped) + '"'


def unified(path: Path, before: str, after: str) -> str:
    """Return the change of a file as a unified diff for ``git apply``, with names from the repository's root.

    Empty when nothing changes. A text that was empty is a new file where there is none.
    """
    if before == after:
        return ""
    name = _from_root(path.resolve())
    # As git itself does: the tab shows where a name with blanks ends.
    tab = "\t" if " " in name else ""
    source = f"a/{name}{tab}" if path.is_file() else "/dev/null"
    made = difflib.unified_diff(_lines(before), _lines(after), source, f"b/{name}{tab}")
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in made
    )


def _from_root(path: Path) -> str:
    """Return a file's name as a patch has it: from the root of its repository, or its folder."""
    root = next((folder for folder in path.parents if (folder / ".git").exists()), path.parent)
    return path.relative_to(root).as_posix()


def _lines(text: str) -> list[str]:
    """Return lines with their ends; only a line feed ends one, as for git."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)
