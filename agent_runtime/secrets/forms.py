"""The texts in which a secret can be met again: as it is, escaped, quoted, encoded."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

__all__ = ("MIN_LENGTH", "forms_of")

MIN_LENGTH = 4
"""Characters of the shortest secret, and of the shortest text that is blacked out: what is shorter stands
in too many places where it means something else."""

_MIN_LINE = 16
"""Characters from which on one line of a secret of several is worth looking for; a guess."""


def forms_of(secret: str) -> frozenset[str]:
    """Return every text that is to be blacked out, so that this secret is not seen.

    Args:
        secret: the secret's value.
    """
    plain = {secret, secret.strip(), *_lines(secret)}
    escaped = set(_escaped(plain))
    found = {*plain, *escaped, *_escaped(escaped)}  # JSON inside JSON, a URL inside a query
    for text in plain:
        found.update(_encoded(text.encode("utf-8", "surrogatepass")))
    return frozenset(form for form in found if len(form) >= MIN_LENGTH)


def _lines(secret: str) -> Iterator[str]:
    """Yield the lines of a key in several: who prints it may indent them, or print one alone."""
    lines = secret.splitlines()
    if len(lines) > 1:
        yield from (line.strip() for line in lines if len(line.strip()) >= _MIN_LINE)


def _escaped(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        yield repr(text)[1:-1]
        yield text.replace("\\", "\\\\")
        for ascii_only in (True, False):
            as_json = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
            yield as_json
            yield as_json.replace("/", "\\/")
        yield html.escape(text)
        for quoted in (_quoted(text, ""), _quoted(text, "/"), _quoted_plus(text)):
            yield quoted
            yield re.sub("%[0-9A-F]{2}", lambda match: match.group().lower(), quoted)


def _quoted(text: str, safe: str) -> str:
    return quote(text, safe=safe, errors="surrogatepass")


def _quoted_plus(text: str) -> str:
    return quote_plus(text, errors="surrogatepass")


def _encoded(data: bytes) -> Iterator[str]:
    yield data.hex()
    yield data.hex().upper()
    for alphabet in (base64.b64encode, base64.urlsafe_b64encode):
        for before in range(3):
            yield _core(alphabet(bytes(before) + data).decode(), before, len(data))


def _core(encoded: str, before: int, length: int) -> str:
    """Return the characters that come of the secret alone, whatever stands before and after it.

    Each character is six bits; the secret's are those from ``before`` bytes on.
    """
    first = -(-before * 8 // 6)
    last = (before + length) * 8 // 6
    return encoded[first:last]
