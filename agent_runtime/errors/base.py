"""The root of the tree of errors."""

from __future__ import annotations

__all__ = ("AgentRuntimeError", "printable")


class AgentRuntimeError(Exception):
    """Base of every error that this package raises of its own."""


def printable(text: str) -> str:
    """Return a text in which nothing acts on a terminal: what does not print is written as Python escapes it.

    That is control characters, line breaks among them, marks of direction, invisible characters and lone
    surrogates. For parts of messages that come from files and values.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)
