"""Copies the context variables once, with the first call, and runs every later one in that copy.

Reports: dspy-context-race (DSPy): settings of one request leak into another; structlog-sync-dep.
"""

from __future__ import annotations

import contextvars
from collections.abc import Mapping

from agent_runtime.bridge import run_sync
from matrix.controls._right import NAMES, on_the_caller
from matrix.model import Control, Source

CONTROL = Control(
    "context_of_the_first_call",
    summary="runs every call with the context variables of the first one",
    caught_by=("keeps_context_variables",),
    harmless=True,
)

_contexts: list[contextvars.Context] = []


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source in the context that was copied when all began."""
    if not _contexts:
        _contexts.append(contextvars.copy_context())
    return run_sync(on_the_caller(source).run_async, inputs, context=_contexts[0].copy(), names=NAMES)
