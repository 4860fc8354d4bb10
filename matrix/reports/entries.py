"""Reads bug reports from YAML: one mapping, or a list of them, each key with its line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from matrix.reports.report import ID, Kind, Passage, Report, ReportError, id_from, project_from

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ("KEYS", "read_entries")

KEYS: Mapping[str, Kind | None] = {
    # what an entry may hold, and what a passage of it speaks of; None for what is not searched
    "id": None,
    "title": Kind.TEXT,
    "link": None,
    "project": None,
    "family": None,
    "context": Kind.PLACE,
    "entry": Kind.CODE,
    "symptom": Kind.ERROR,
    "traceback": Kind.ERROR,
    "code": Kind.CODE,
    "root_cause": Kind.TEXT,
    "repro_sketch": Kind.TEXT,
    "probe": Kind.TEXT,
    "expected": None,  # speaks of what does not happen
    "severity": None,
    "python": None,
    "versions": None,
    "verified": None,
    "lab": None,
}
_TELLING = ("symptom", "traceback", "code", "context")


def read_entries(path: Path, text: str) -> list[Report]:
    """Return the reports that a YAML file holds, in order.

    Raises:
        ReportError: the file is not YAML, or an entry is malformed; all problems are listed.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = 1 if mark is None else mark.line + 1
        told = [getattr(error, part, None) for part in ("context", "problem")]
        said = " ".join(text for text in told if text) or "it cannot be read"
        raise ReportError(f"{path}:{line}: not YAML: {said}") from error
    if root is None or (isinstance(root, yaml.SequenceNode) and not root.value):
        raise ReportError(f"{path}:1: it is empty; write an entry, or a list of them: {_EXAMPLE}")
    nodes = root.value if isinstance(root, yaml.SequenceNode) else [root]
    reports, problems = [], []
    for node in nodes:
        report, wrong = _report(path, node)
        problems += [f"{path}:{problem}" for problem in wrong]
        reports += [] if report is None else [report]
    known: dict[str, int] = {}
    for report in reports:
        if report.id in known:
            problems.append(
                f"{path}:{report.line}: id {report.id!r} stands in line {known[report.id]} too;"
                " write another id"
            )
        known.setdefault(report.id, report.line)
    if problems:
        raise ReportError("\n".join(problems))
    return reports


_NOTHING = "tag:yaml.org,2002:null"
_EXAMPLE = "- {id: closed-loop, link: https://..., context: FastAPI route, symptom: Event loop is closed}"


def _report(path: Path, node: yaml.Node) -> tuple[Report | None, list[str]]:
    line = node.start_mark.line + 1
    if not isinstance(node, yaml.MappingNode):
        return None, [f"{line}: an entry is a mapping; write, for example, {_EXAMPLE}"]
    fields, lines, problems = _fields(node)
    told = [key for key in _TELLING if fields.get(key)]
    if not told:
        problems.append(f"{line}: nothing tells what happened; write one of {', '.join(_TELLING)}")
    link = fields.get("link", "")
    report_id = fields.get("id") or id_from(link, fields.get("title", ""))
    if not ID.fullmatch(report_id):
        at = lines.get("id", line)
        problems.append(f"{at}: id {report_id!r} is no id; write lower-case words: id: closed-loop-in-route")
    passages = tuple(
        Passage(kind, text, lines[key])
        for key, text in fields.items()
        if (kind := KEYS[key]) is not None and text
    )
    entry, context = fields.get("entry", ""), fields.get("context", "")
    subject = f"{entry} ({context})" if entry and context else entry or context
    if problems:
        return None, problems
    project = fields.get("project") or project_from(link)
    family = fields.get("family", "")
    title = fields.get("title", "")
    return Report(report_id, title, link, project, family, subject, passages, str(path), line), []


def _fields(node: yaml.MappingNode) -> tuple[dict[str, str], dict[str, int], list[str]]:
    """Return an entry's values as text, the lines of its keys, and what is wrong with them."""
    fields: dict[str, str] = {}
    lines: dict[str, int] = {}
    problems = []
    for key_node, value in node.value:
        key, line = str(key_node.value), key_node.start_mark.line + 1
        if key not in KEYS:
            problems.append(f"{line}: unknown key {key!r}; an entry has {', '.join(KEYS)}")
        elif key in fields:
            problems.append(f"{line}: {key} stands in line {lines[key]} already; delete one of them")
        elif isinstance(value, yaml.ScalarNode):
            fields[key], lines[key] = "" if value.tag == _NOTHING else value.value, line
        elif isinstance(value, yaml.SequenceNode) and all(
            isinstance(one, yaml.ScalarNode) for one in value.value
        ):
            fields[key], lines[key] = ", ".join(one.value for one in value.value), line
        else:
            problems.append(f"{line}: {key} is neither a text nor a list of texts; write {key}: ...")
    return fields, lines, problems
