"""``bridge.run_sync()``: the sync side of an SDK that has async code of its own, and builds on the bridge."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any

from agent_runtime.bridge import call_in_caller, run_sync
from matrix.entry_points.run_workflow import call_async
from matrix.model import AnyFunction, EntryPoint, Source

ENTRY_POINT = EntryPoint(
    "bridge_run_sync",
    label="bridge.run_sync()",
    without={
        "raises_stop_iteration": "no coroutine can raise StopIteration: Python makes a RuntimeError of it",
    },
)

_NAMES = ("bridge.run_sync", "call_async")
"""What messages of the bridge call this, and what to await instead."""


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Return the outputs of one run; blocks the calling thread."""
    functions = {name: sent_to_caller(step) for name, step in source.functions.items()}
    return run_sync(call_async, replace(source, functions=functions), inputs, names=_NAMES)


def sent_to_caller(step: AnyFunction) -> Callable[..., Coroutine[Any, Any, object]]:
    """Return a step for the loop thread that has a plain function called by the thread that waits."""

    @functools.wraps(step)
    async def send(**arguments: object) -> object:
        return await call_in_caller(functools.partial(step, **arguments))

    return send
