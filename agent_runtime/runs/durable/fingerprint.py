"""One text for what a workflow says, the same in every process; layout, comments and descriptions aside."""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import json
from collections.abc import Iterable, Mapping

from agent_runtime.expressions import Reference
from agent_runtime.workflow.model import Position, Workflow

__all__ = ("fingerprint_of",)

_ASIDE = ("file", "description")
"""What may change without a change in what is done."""


def fingerprint_of(workflow: Workflow, others: Iterable[Workflow]) -> str:
    """Return it for a workflow and those that it runs."""
    own, *texts = (json.dumps(_plain(each), sort_keys=True) for each in (workflow, *others))
    return hashlib.sha256("\n".join((own, *sorted(texts))).encode()).hexdigest()


def _plain(value: object) -> object:
    """Return a part of a workflow as lists and texts; what equality leaves aside is left aside."""
    if isinstance(value, Reference):
        return ["Reference", str(value.node)]
    if isinstance(value, enum.Enum):
        return value.value
    if dataclasses.is_dataclass(value):
        fields = [field for field in dataclasses.fields(value) if field.compare and field.name not in _ASIDE]
        return [type(value).__name__, {field.name: _plain(getattr(value, field.name)) for field in fields}]
    if isinstance(value, tuple | list):
        kind = type(value).__name__ if hasattr(value, "_fields") else ""
        return [kind, *(_plain(each) for each in value if not isinstance(each, Position))]
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    return value if isinstance(value, str | int | float | None) else type(value).__name__
