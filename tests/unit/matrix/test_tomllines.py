"""Lines of a TOML file: found whatever its strings and comments look like."""

from __future__ import annotations

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from matrix.patch import quoted
from matrix.tomllines import tables

# Texts whose lines, brackets and quotes try to be taken for headings, keys and ends of values.
_TRAPS = st.sampled_from(
    [
        "[[expectation]]",
        "cells = 1",
        "]",
        "[",
        '"',
        "'",
        "#",
        "\\",
        "\n",
        "\n[[expectation]]\n",
        "\n# a\n",
        "x",
    ]
)
_STRINGS = st.lists(_TRAPS, max_size=6).map("".join)
_BLANKS = st.sampled_from(["", "\n", "\n\n", "# [[expectation]]\n", "# cells = [\n", "   \n"])


def _literal(text: str) -> str:
    return "'''\n" + text + "'''" if "'" not in text else quoted(text)


def _multi_line(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"""', '""\\"')
    return '"""\n' + (escaped[:-1] + '\\"' if escaped.endswith('"') else escaped) + '"""'


@given(st.lists(st.tuples(_BLANKS, _STRINGS, st.sampled_from([quoted, _literal, _multi_line])), max_size=5))
def test_lines_are_found_whatever_stands_in_strings_and_comments(
    entries: list[tuple[str, str, object]],
) -> None:
    text, wanted = "", []
    for blank, string, write in entries:
        assert callable(write)
        text += blank
        heading = text.count("\n")
        text += "[[expectation]] # [[expectation]]\n"
        reason = text.count("\n")
        text += f"reason = {write(string)} # ]\n"
        cells = text.count("\n")
        text += f'cells = [ # "]"\n    {write(string)},\n\n]\n'
        wanted.append((heading, {"reason": (reason, cells), "cells": (cells, text.count("\n"))}))

    read = tomllib.loads(text).get("expectation", [])
    found = tables(text, "expectation")

    assert [entry["reason"] for entry in read] == [string for _, string, _ in entries]
    assert [(table.heading, table.keys) for table in found] == wanted


def test_comment_right_above_an_entry_belongs_to_it_and_the_head_of_the_file_does_not() -> None:
    text = "# head\n[[expectation]]\na = 1\n\n# other\n\n# mine\n# too\n[[expectation]]\na = 2\n"

    assert [(table.first, table.heading, table.end) for table in tables(text, "expectation")] == [
        (1, 1, 3),
        (6, 8, 10),
    ]
