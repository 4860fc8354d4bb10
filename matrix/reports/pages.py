"""Reads one bug report from Markdown: the head, the title, blocks of code, tracebacks, and the rest.

A head of ``key: value`` lines may stand before the text, as trackers and their clients write it: closed by a
line of dashes, and opened by one or not. A title is a first heading, or the ``title`` of the head.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from matrix.reports.report import ID, Kind, Passage, Report, ReportError, id_from, project_from

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ("read_page",)

_DASHES = re.compile(r"-{2,}\s*")
_HEAD = re.compile(r"([A-Za-z][\w -]*):[ \t]*(.*)")
_FENCE = re.compile(r"\s*(`{3,}|~{3,})")
_ADDRESS = re.compile(r"https?://[^\s)>\]\"']+/(?:issues|pull|merge_requests)/\d+")
# The last line of a traceback: an exception, with its module or without.
_RAISED = re.compile(r"(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Interrupt|Exit|Warning|Operation)\b.*")
_FRAME = re.compile(r'\s*File "([^"]+)", line \d+')
_IMPORT = re.compile(r"\s*(?:>>> )?(?:import|from)\s+([A-Za-z_]\w*)")
_INSTALLED = re.compile(r"[\\/](?:site|dist)-packages[\\/]([\w.-]+)")


def read_page(path: Path, text: str) -> Report:
    """Return the report that a Markdown file holds.

    Raises:
        ReportError: it has no title, or nothing but one.
    """
    lines = text.splitlines()
    head, first = _head(lines)
    heading = next(
        ((number, line) for number, line in enumerate(lines, 1) if number > first and line.startswith("# ")),
        None,
    )
    title = head.get("title", "") or (heading[1].removeprefix("# ").strip() if heading else "")
    if not title:
        raise ReportError(
            f"{path}:{first + 1}: there is no title; write one as the first heading: # What goes wrong, where"
        )
    at = heading[0] if heading else 1
    body = [passage for passage in _passages(lines, first) if passage.line != at]
    # What a title says, it says of the error and of the situation in one.
    passages = [Passage(kind, title, at) for kind in (Kind.ERROR, Kind.PLACE)] + body
    if not body:
        raise ReportError(f"{path}:{len(lines)}: there is nothing below the title; write what happened")
    found = _ADDRESS.search(text)
    source = head.get("url") or head.get("link") or (found[0] if found else "")
    report_id = head.get("id") or id_from(source, path.stem)
    if not ID.fullmatch(report_id):
        raise ReportError(f"{path}:1: id {report_id!r} is no id; write lower-case words: id: closed-loop")
    project = head.get("repository") or head.get("project") or project_from(source)
    family = head.get("family", "")
    return Report(report_id, title, source, project, family, "", tuple(passages), str(path), at)


def _head(lines: list[str]) -> tuple[dict[str, str], int]:
    """Return the ``key: value`` lines before the text, and how many lines they take with their dashes."""
    start = 1 if lines and _DASHES.fullmatch(lines[0]) else 0
    head: dict[str, str] = {}
    for number, line in enumerate(lines[start:], start + 1):
        if _DASHES.fullmatch(line):
            return head, number
        field = _HEAD.fullmatch(line)
        if field is None:
            break
        head[field[1].strip().lower()] = field[2].strip().strip("\"'")
    return {}, 0


def _passages(lines: list[str], first: int) -> Iterator[Passage]:
    """Yield what the text holds: line by line outside of blocks, whole blocks of code."""
    block: list[str] = []
    fence, began = "", 0
    for number, line in enumerate([*lines[first:], ""], first + 1):
        mark = _FENCE.match(line)
        if fence:
            if (mark and line.strip().startswith(fence)) or number > len(lines):
                yield from _of_block(block, began + 1)
                fence, block = "", []
            else:
                block.append(line)
        elif mark:
            fence, began = mark[1], number
        elif line.startswith("    "):
            yield from _of_block([line], number)
        elif line.strip():
            yield from _of_prose(line, number)


def _of_prose(line: str, number: int) -> Iterator[Passage]:
    raised = _RAISED.search(line)
    if raised is not None:
        yield Passage(Kind.ERROR, raised[0].rstrip("`* "), number)
    yield Passage(Kind.TEXT, line.strip(), number)


def _of_block(block: list[str], began: int) -> Iterator[Passage]:
    """Yield what a block of code or output tells: what was raised, and which packages it names."""
    is_output = any(_FRAME.match(line) or "Traceback (most recent" in line for line in block)
    for number, line in enumerate(block, began):
        installed = _INSTALLED.search(line)
        imported = None if is_output else _IMPORT.match(line)
        if _RAISED.match(line.strip()):
            yield Passage(Kind.ERROR, line.strip(), number)
        elif installed is not None and _FRAME.match(line):
            yield Passage(Kind.PACKAGE, installed[1].partition(".")[0], number)
        elif imported is not None:
            yield Passage(Kind.PACKAGE, imported[1], number)
    if block and not is_output:
        yield Passage(Kind.CODE, "\n".join(block), began)
