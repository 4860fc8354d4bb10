"""Which lock a frame waits for, and who holds it, from the frame's own line: locks themselves do not tell."""

from __future__ import annotations

import ast
import itertools
import linecache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import FrameType

__all__ = ("holders", "lock_waited_for")


def lock_waited_for(frame: FrameType) -> tuple[str, object] | None:
    """Return name and lock, if ``frame`` stands at ``with NAME`` or ``NAME.acquire()`` and it is held."""
    names = [text.partition(".acquire")[0] for text in _expressions(frame)]
    for name in names:
        value = _value(name, frame)
        locked = getattr(value, "locked", None)
        # An RLock tells of itself only in its repr() before Python 3.14.
        if value is not None and (locked() if callable(locked) else repr(value).startswith("<locked ")):
            return name, value
    return None


def holders(lock: object, frames: Mapping[int, FrameType]) -> list[int]:
    """Return the threads that are inside a ``with`` of this very lock, by their numbers."""
    found = []
    for ident, innermost in frames.items():
        frame: FrameType | None = innermost
        while frame is not None:
            if any(_value(name, frame) is lock for name in _entered(frame)):
                found.append(ident)
                break
            frame = frame.f_back
    return found


def _expressions(frame: FrameType) -> list[str]:
    """Return what is being executed: a piece of the line, or (before Python 3.13) its ``with`` items."""
    positions = next(itertools.islice(frame.f_code.co_positions(), frame.f_lasti // 2, None), None)
    first, last, begin, end = positions or (None, None, None, None)
    if first is None:
        return []
    line = linecache.getline(frame.f_code.co_filename, first, frame.f_globals)
    if first == last:
        return [line.encode()[begin:end].decode(errors="replace").strip()]
    try:
        statement = ast.parse(f"{line.strip()} pass").body[0]
    except SyntaxError:
        return []
    items = statement.items if isinstance(statement, ast.With) else []
    return [ast.unparse(item.context_expr) for item in items]


def _value(name: str, frame: FrameType) -> object:
    """Return what a dotted name means in a frame; None where it means nothing. Runs no property."""
    first, *rest = name.split(".")
    if not first.isidentifier():
        return None
    value = frame.f_locals.get(first, frame.f_globals.get(first))
    for part in rest:
        value = getattr(value, "__dict__", {}).get(part)
    return value


def _entered(frame: FrameType) -> Iterator[str]:
    """Return the names in the ``with`` statements whose bodies a frame is in."""
    try:
        tree = ast.parse("".join(linecache.getlines(frame.f_code.co_filename, frame.f_globals)))
    except SyntaxError:
        return
    line, first = frame.f_lineno or 0, frame.f_code.co_firstlineno
    for node in ast.walk(tree):
        if not isinstance(node, ast.With) or not first <= node.lineno <= line:
            continue
        if node.body[0].lineno <= line <= (node.end_lineno or 0):
            yield from (ast.unparse(item.context_expr) for item in node.items)
