"""A run as one HTML file that needs nothing else: no server, no network, no other file.

The page's parts lie beside this module. They are put together with the run's records as JSON, which the
page's script reads; nothing that a record says is ever taken for markup or for a script.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING

from matrix.compare import Kind, compare
from matrix.promises import promises
from matrix.recorded import environment_of, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matrix.recorded import Recorded

__all__ = ("page_of",)

FOLDER = Path(__file__).parent
SCRIPTS = ("model.js", "grid.js", "panel.js", "page.js")
# Told by the cell's name, or shared by many records and kept once.
LEFT_OUT = {"schema", "target", "entry_point", "context", "probe", "cell", "fingerprint", "facts"}


def page_of(run: Recorded, against: Recorded | None = None) -> str:
    """Return the page of a run; with ``against``, an earlier run, it also shows what has changed since."""
    script = "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in SCRIPTS)
    style = (FOLDER / "page.css").read_text(encoding="utf-8")
    parts = {
        "policy": html.escape(_policy(script, style)),
        "style": style,
        "data": _embedded(_data(run, against)),
        "script": script,
    }
    template = (FOLDER / "template.html").read_text(encoding="utf-8")
    # In one pass: what is put in is not looked at again, whatever a record says.
    return re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], template)


def _policy(script: str, style: str) -> str:
    """Return what the page may do: run this very script, use this very style, and nothing else at all."""
    return (
        f"default-src 'none'; script-src {_source(script)}; style-src {_source(style)};"
        " base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def _source(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _embedded(data: Mapping[str, object]) -> str:
    """Return JSON that cannot end the element it stands in, nor begin a comment there."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _data(run: Recorded, against: Recorded | None) -> dict[str, object]:
    shared = Shared()
    data: dict[str, object] = {"run": _about(run), "catalogue": _catalogue(run, against)}
    if against is None:
        data["records"] = [shared.record(record) for record in run.records]
    else:
        data["against"] = _about(against)
        data["records"], data["gone"] = _compared(run, against, shared)
    return {**data, "environments": shared.environments.values(), "facts": shared.facts.values()}


def _compared(run: Recorded, against: Recorded, shared: Shared) -> tuple[list[object], list[object]]:
    """Return a run's records, each with what it was if it changed, and those that only the other has."""
    changes = {change.cell: change.kind for change in compare(against, run).changes}
    old, new = against.by_cell(), run.by_cell()
    records: list[object] = []
    for cell, record in new.items():
        one = shared.record(record)
        if cell in changes:
            one["change"] = changes[cell].value
            one.update({"before": shared.record(old[cell])} if cell in old else {})
        records.append(one)
    gone = [
        {**shared.record(record), "change": Kind.GONE.value}
        for cell, record in old.items()
        if cell not in new
    ]
    return records, list(gone)


def _about(run: Recorded) -> dict[str, object]:
    fields = ("seconds", "interrupted", "objections")
    return {
        "name": run.name,
        "environments": run.environments(),
        "complete": run.complete,
        **{name: _plain(run.summary[name]) for name in fields if name in run.summary},
    }


def _catalogue(*runs: Recorded | None) -> dict[str, object]:
    """Return what is said of the names in some runs; the first that says something is believed."""
    probes: dict[str, object] = {}
    contexts: dict[str, object] = {}
    entry_points: dict[str, object] = {}
    for run in runs:
        found = run.summary.get("catalogue") if run is not None else None
        known = found if isinstance(found, dict) else {}
        for name, kept in (("probes", probes), ("contexts", contexts), ("entry_points", entry_points)):
            said = known.get(name)
            kept.update({**said, **kept} if isinstance(said, dict) else {})
    return {
        "probes": probes,
        "contexts": contexts,
        "entry_points": entry_points,
        "promises": {number: list(said) for number, said in promises().items()},
    }


class Pool:
    """Values that many records share, each kept once and known by its number."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._kept: list[object] = []

    def number_of(self, value: object) -> int:
        """Return the number of a value."""
        key = json.dumps(value, sort_keys=True)
        if key not in self._numbers:
            self._numbers[key] = len(self._kept)
            self._kept.append(value)
        return self._numbers[key]

    def values(self) -> list[object]:
        """Return the values by number."""
        return self._kept


class Shared:
    """Records as the page wants them: without what is empty, and with what is shared kept once."""

    def __init__(self) -> None:
        self.environments = Pool()
        self.facts = Pool()

    def record(self, record: Mapping[str, object]) -> dict[str, object]:
        """Return one record for the page."""
        own = {name: _plain(value) for name, value in record.items() if name not in LEFT_OUT and value}
        fingerprint = {"label": environment_of(record), **_mapping(record, "fingerprint")}
        return {
            "cell": text_of(record, "cell"),
            **own,
            "environment": self.environments.number_of(_plain(fingerprint)),
            "facts": self.facts.number_of(_plain(_mapping(record, "facts"))),
        }


def _mapping(record: Mapping[str, object], name: str) -> dict[str, object]:
    value = record.get(name)
    return value if isinstance(value, dict) else {}


def _plain(value: object) -> object:
    """Return a value with numbers that JSON knows; a page cannot read NaN."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
