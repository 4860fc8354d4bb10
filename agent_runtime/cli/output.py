"""Text on its way to a terminal: nothing in it may act on the terminal, whatever file it came from."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TextIO

__all__ = ("complain", "one_line", "plain", "visible", "write_json")

_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_ACTS = re.compile(
    rf"[\x00-\x08\x0b-\x1f\x7f-\x9f{_BIDI}\u2028\u2029\ufeff\ud800-\udfff\U000e0000-\U000e007f]"
)
"""Characters that move the cursor, colour, reorder or hide text: C0 but tab and line feed, C1, marks of
direction, tags, halves of pairs."""


def visible(text: str) -> str:
    r"""Return text that a terminal only shows: what would act on it stands there as ``\x1b``, say."""
    return _ACTS.sub(_spelled, text)


def one_line(text: str) -> str:
    """Return such text without line breaks."""
    return visible(text).replace("\n", "\\n").replace("\t", " ")


def _spelled(found: re.Match[str]) -> str:
    number = ord(found[0])
    if number > 0xFFFF:
        return f"\\U{number:08x}"
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"


def complain(text: str) -> None:
    """Say on stderr what is wrong."""
    print(visible(f"agent-runtime: {text}"), file=sys.stderr)


def write_json(value: object, file: TextIO) -> None:
    """Write a value as JSON of several lines; what is no JSON stands there as text.

    Raises:
        RecursionError: it leads back to itself, or is nested beyond all bounds.
    """
    text = json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False)
    text = _ACTS.sub(lambda found: json.dumps(found[0])[1:-1], text)  # such can stand in strings only
    encoding = (getattr(file, "encoding", None) or "ascii").lower().replace("-", "")
    if encoding != "utf8":
        text = json.dumps(json.loads(text), indent=2)
    file.write(text + "\n")


def plain(value: object) -> object:
    """Return what JSON has for a value; text where it has nothing.

    Raises:
        RecursionError: the value leads back to itself.
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {key if isinstance(key, str) else str(key): plain(item) for key, item in value.items()}
    if isinstance(value, AbstractSet) or (
        isinstance(value, Sequence) and not isinstance(value, bytes | bytearray)
    ):
        return [plain(item) for item in value]
    return str(value)
