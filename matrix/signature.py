"""Which failure an exception is: ten digits that are the same from run to run and from machine to machine."""

from __future__ import annotations

import hashlib
import re

__all__ = ("normalised", "signature_of", "without_folders")

# What differs between two runs of the same failure: addresses, identifiers, paths, numbers of all kinds.
_RANDOM_ID = re.compile(r"\b(?=[0-9a-f-]*\d)[0-9a-f]{8,}(?:-[0-9a-f]{4,})*\b", re.IGNORECASE)
_PATH = re.compile(r"(?:[A-Za-z]:)?(?:[\\/][\w.+~-]+)+[\\/]")
_NUMBER = re.compile(r"0x[0-9a-f]+|\d+(?:[.,]\d+)*(?:e-?\d+)?", re.IGNORECASE)
_BLANKS = re.compile(r"\s+")


def signature_of(kind: str, detail: str) -> str:
    """Return the hash of an exception's type and of what it says, without what varies.

    Args:
        kind: the type of the exception, with its module.
        detail: what the record says of it.
    """
    text = f"{kind}: {normalised(detail)}"
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:10]


def normalised(detail: str) -> str:
    """Return a text without addresses, folders, identifiers and numbers."""
    for pattern, sign in ((_PATH, ""), (_RANDOM_ID, "#"), (_NUMBER, "#"), (_BLANKS, " ")):
        detail = pattern.sub(sign, detail)
    return detail.strip()


def without_folders(text: str) -> str:
    """Return a text with the names of files in it, and no longer where they are on this machine."""
    return _PATH.sub("", text)
