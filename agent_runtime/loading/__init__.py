"""From a workflow file to frozen data, or to one error that lists every mistake."""

from __future__ import annotations

from agent_runtime.loading.approvals import check_approvals, check_undoing
from agent_runtime.loading.document import from_steps, parse_workflow
from agent_runtime.loading.form import NO_ARGUMENTS, nearest, shown
from agent_runtime.loading.library import Library, every_step
from agent_runtime.loading.names import (
    check_names,
    check_secrets,
    generator_hint,
    known_errors,
)
from agent_runtime.loading.nodes import Notes
from agent_runtime.loading.source import Source, read_source
from agent_runtime.loading.values import bind_inputs, check_outputs, fits

__all__ = (
    "NO_ARGUMENTS",
    "Library",
    "Notes",
    "Source",
    "bind_inputs",
    "check_approvals",
    "check_names",
    "check_outputs",
    "check_secrets",
    "check_undoing",
    "every_step",
    "fits",
    "from_steps",
    "generator_hint",
    "known_errors",
    "nearest",
    "parse_workflow",
    "read_source",
    "shown",
)
