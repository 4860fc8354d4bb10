"""From a workflow file to frozen data, or to one error that lists every mistake."""

from __future__ import annotations

from agent_runtime.loading.document import from_steps, parse_workflow
from agent_runtime.loading.names import check_names
from agent_runtime.loading.nodes import Notes
from agent_runtime.loading.source import Source, read_source
from agent_runtime.loading.values import bind_inputs

__all__ = ("Notes", "Source", "bind_inputs", "check_names", "from_steps", "parse_workflow", "read_source")
