"""A right bridge to put one mistake on, or one oddity: an SDK's sync side on ``agent_runtime.bridge``."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any

from agent_runtime.bridge import Bridge, call_in_caller, run_sync
from matrix.model import AnyFunction, Source

__all__ = ("NAMES", "WITHOUT", "on_the_caller", "right")

NAMES = ("Control.call", "Control.call_async")
"""What messages of the bridge call these functions."""

WITHOUT = ("raises_stop_iteration", "works_without_threads")
"""What such an SDK does not promise: ``StopIteration`` cannot come out of a coroutine, and the worker thread
that an async run keeps for plain functions has to start."""


def right(
    source: Source, inputs: Mapping[str, object], *, bridge: Bridge | None = None
) -> Mapping[str, object]:
    """Return the outputs of ``source``, through the bridge that everybody shares or one of one's own."""
    call = run_sync if bridge is None else bridge.run_sync
    return call(on_the_caller(source).run_async, inputs, names=NAMES)


def on_the_caller(source: Source) -> Source:
    """Return ``source`` with its ``def`` steps sent to the thread that makes the sync call."""
    return replace(source, functions={name: _sent(step) for name, step in source.functions.items()})


def _sent(step: AnyFunction) -> Callable[..., Coroutine[Any, Any, object]]:
    @functools.wraps(step)
    def send(**arguments: object) -> Coroutine[Any, Any, object]:
        return call_in_caller(functools.partial(step, **arguments))

    return send
