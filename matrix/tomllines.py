"""Where things stand in a TOML file: the lines of its ``[[expectation]]`` tables and of their keys.

``tomllib`` says what a file holds and not where. This finds the lines in text that it has accepted: strings
and comments are blanked first, so that nothing inside them is taken for a heading or a bracket.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

__all__ = ("Table", "tables")

_OPAQUE = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}'  # a quote or two may stand right before the closing three
    r"|'''.*?'{3,5}"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|#[^\n]*",
    re.DOTALL,
)
_HEADING = re.compile(r"\s*\[\[?([^\[\]]*)\]\]?\s*")
_KEY = re.compile(r"\s*([\w-]+)\s*=")


@dataclass(frozen=True)
class Table:
    """One table of an array of tables; lines are counted from 0, ends are exclusive.

    Attributes:
        first: its first line, with the comment right above its heading.
        heading: the line of its heading.
        end: the line after its last key.
        keys: the lines of each key and its value.
    """

    first: int
    heading: int
    end: int
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)


def tables(text: str, name: str) -> list[Table]:
    """Return where each ``[[name]]`` of a TOML document stands, in order.

    Only headings that are written plainly are found: compare the number with what ``tomllib`` gives.
    """
    # A carriage return stays at the end of its line, where the patterns take it for a blank.
    lines = _OPAQUE.sub(_blank, text).split("\n")
    comments = [line.lstrip().startswith("#") for line in text.split("\n")]
    found: list[Table] = []
    inside = False
    number = 0
    while number < len(lines):
        heading = _HEADING.fullmatch(lines[number])
        key = _KEY.match(lines[number])
        after = number + 1
        if heading is not None:
            inside = lines[number].strip() == f"[[{name}]]"
            if inside:
                found.append(Table(_with_comment(comments, number), number, after))
        elif key is not None:
            after = _end_of_value(lines, number)
            if inside:
                table = found[-1]
                found[-1] = Table(table.first, table.heading, after, {**table.keys, key[1]: (number, after)})
        number = after
    return found


def _blank(match: re.Match[str]) -> str:
    """Leave nothing of a comment, and of a string its lines, as a value that ends where it ends."""
    text = match[0]
    return "" if text.startswith("#") else "[" + "\n" * text.count("\n") + "]"


def _with_comment(comments: list[bool], heading: int) -> int:
    """Return the first line of the comment right above a heading; the head of the file is not one."""
    first = heading
    while first > 0 and comments[first - 1]:
        first -= 1
    return heading if first == 0 else first


def _end_of_value(lines: list[str], number: int) -> int:
    """Return the line after a value, which goes on while a bracket is open."""
    depth = 0
    for after, line in enumerate(lines[number:], number + 1):
        depth += sum(line.count(sign) for sign in "[{") - sum(line.count(sign) for sign in "]}")
        if depth <= 0:
            return after
    return len(lines)
