"""A bug report as data: passages of text, each with its kind and with the line where it stands."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

__all__ = ("ID", "Kind", "Passage", "Report", "ReportError", "id_from", "project_from")

ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_ISSUE = re.compile(r"https?://[^/\s]+/([\w.-]+)/([\w.-]+)/(?:-/)?(?:issues|pull|merge_requests)/(\d+)")


class ReportError(ValueError):
    """A file does not hold a report; the text says where, what was expected and what to write."""


class Kind(enum.Enum):
    """What a passage speaks of; what a report says of an error weighs more than what it says besides."""

    ERROR = "error"
    """The message of an exception, or what was seen in place of one."""
    PLACE = "place"
    """Where the code was called, in words."""
    CODE = "code"
    """A block of code, or what was called."""
    PACKAGE = "package"
    """A package that is imported, or that stands in a traceback."""
    TEXT = "text"
    """Everything else."""


@dataclass(frozen=True)
class Passage:
    """One piece of a report.

    Attributes:
        kind: what it speaks of.
        text: the words.
        line: where it begins in its file, counted from 1.
    """

    kind: Kind
    text: str
    line: int


@dataclass(frozen=True)
class Report:
    """What somebody has reported.

    Attributes:
        id: one word that names it, also in the ids of tests.
        title: what is shown beside the id; empty for one that is made from the rest.
        source: the address of the report.
        project: whose tracker it stands in, ``owner/name``.
        family: the family that the report itself names; empty if it names none.
        subject: what was called, and in which situation, as the report says it.
        passages: its text, in order.
        file: the file that it was read from.
        line: where it begins there, counted from 1.
    """

    id: str
    title: str
    source: str
    project: str
    family: str
    subject: str
    passages: tuple[Passage, ...]
    file: str
    line: int

    def of_kind(self, kind: Kind) -> list[Passage]:
        """Return the passages of one kind."""
        return [passage for passage in self.passages if passage.kind is kind]


def id_from(link: str, fallback: str) -> str:
    """Return an id made from the address of an issue, or else from some other text."""
    issue = _ISSUE.match(link)
    words = "-".join(issue.groups()) if issue else fallback
    return "-".join(re.findall(r"[a-z0-9]+", words.lower()))


def project_from(link: str) -> str:
    """Return ``owner/name`` from the address of an issue; empty if it is none."""
    issue = _ISSUE.match(link)
    return "" if issue is None else f"{issue[1]}/{issue[2]}"
