"""A run as JUnit XML: a test suite for each context, a test case for each cell."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from matrix.model import Cell, Outcome
from matrix.recorded import environment_of, repeat_command, text_of
from matrix.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from matrix.recorded import Recorded

__all__ = ("junit_of",)

# What XML 1.0 cannot hold, not even escaped: control characters, surrogates, two non-characters.
FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_of(run: Recorded) -> str:
    """Return a run as JUnit XML, as Jenkins, GitLab and the like read it.

    A cell that is red is a failure, or an error where the matrix itself failed; a known failure and a
    skip are both skipped, each with its reason.
    """
    root = ET.Element("testsuites", name="matrix")
    ordered = sorted(run.records, key=lambda record: _cell(record).context)
    for context, records in groupby(ordered, key=lambda record: _cell(record).context):
        root.append(_suite(context, list(records)))
    for name, total in _totals(run.records).items():
        root.set(name, total)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=False).join(
        ('<?xml version="1.0" encoding="UTF-8"?>\n', "\n")
    )


def _suite(context: str, records: list[Mapping[str, object]]) -> ET.Element:
    suite = ET.Element("testsuite", {"name": _clean(context), **_totals(records)})
    properties = ET.SubElement(suite, "properties")
    for environment in dict.fromkeys(map(environment_of, records)):
        ET.SubElement(properties, "property", name="environment", value=_clean(environment))
    suite.extend(_case(record) for record in records)
    return suite


def _case(record: Mapping[str, object]) -> ET.Element:
    cell = _cell(record)
    place = f"{cell.target}.{cell.context}.{cell.entry_point}"
    case = ET.Element("testcase", classname=_clean(place), name=_clean(cell.probe), time=_seconds([record]))
    kind = _kind(record)
    said = _clean(text_of(record, "sentence") or text_of(record, "detail"))
    if kind == "skipped":
        ET.SubElement(case, kind, message=f"{_known(record)}{said}")
    elif kind:
        found = ET.SubElement(case, kind, type=text_of(record, "outcome"), message=said)
        parts = [said, repeat_command(cell), *(text_of(record, name) for name in ("traceback", "stacks"))]
        found.text = _clean("\n\n".join(filter(None, parts)))
        if text_of(record, "output"):
            ET.SubElement(case, "system-out").text = _clean(text_of(record, "output"))
    return case


def _kind(record: Mapping[str, object]) -> str:
    """Return the element that says what came of a cell; nothing where all is well."""
    verdict, outcome = text_of(record, "verdict"), text_of(record, "outcome")
    if verdict == Verdict.BROKEN.value:
        return "error"
    if verdict != Verdict.OK.value:
        return "failure"
    return "skipped" if outcome == Outcome.SKIP.value or record.get("expectation") else ""


def _known(record: Mapping[str, object]) -> str:
    known = record.get("expectation")
    return (
        _clean(f"known failure, {known.get('issue')}: {known.get('reason')}: ")
        if isinstance(known, dict)
        else ""
    )


def _totals(records: Iterable[Mapping[str, object]]) -> dict[str, str]:
    chosen = list(records)
    kinds = [_kind(record) for record in chosen]
    return {
        "tests": str(len(chosen)),
        "failures": str(kinds.count("failure")),
        "errors": str(kinds.count("error")),
        "skipped": str(kinds.count("skipped")),
        "time": _seconds(chosen),
    }


def _seconds(records: Iterable[Mapping[str, object]]) -> str:
    taken = (record.get("seconds") for record in records)
    return f"{sum(number for number in taken if isinstance(number, int | float)):.3f}"


def _cell(record: Mapping[str, object]) -> Cell:
    return Cell.parse(text_of(record, "cell"))


def _clean(text: str) -> str:
    """Return text with the replacement character for whatever XML cannot hold."""
    return FORBIDDEN.sub("\ufffd", text)
