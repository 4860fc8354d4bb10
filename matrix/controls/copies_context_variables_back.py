"""Sets in the caller what steps have set, unasked: the caller's own tokens then reset to what is not there.

Reports: token-reset-boundary (asgiref), otel-detach (OpenTelemetry): "was created in a different Context".
"""

from __future__ import annotations

import contextvars
import functools
from collections.abc import Mapping
from dataclasses import replace

from matrix.controls._right import right
from matrix.model import AnyFunction, Control, Source

CONTROL = Control(
    "copies_context_variables_back",
    summary="copies context variables that a def step has set back to the caller",
    caught_by=("keeps_changes_of_context_variables",),
    harmless=True,
)


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source; restore here the context in which each of its functions ended."""
    ended: list[contextvars.Context] = []
    functions = {name: _watched(step, ended) for name, step in source.functions.items()}
    outputs = right(replace(source, functions=functions), inputs)
    for context in ended:
        for variable, value in context.items():
            variable.set(value)
    return outputs


def _watched(step: AnyFunction, ended: list[contextvars.Context]) -> AnyFunction:
    @functools.wraps(step)
    def called(**arguments: object) -> object:
        try:
            return step(**arguments)
        finally:
            ended.append(contextvars.copy_context())

    return called
