"""Calls ``def`` steps on the loop thread, between two callbacks: they see a running loop and block it.

Reports: django-nb, orm-after-browser, sync-browser-api: "You cannot call this from an async context".
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any

from agent_runtime.bridge import run_sync
from matrix.controls._right import NAMES
from matrix.model import AnyFunction, Control, Source

CONTROL = Control(
    "def_steps_on_the_loop_thread",
    summary="calls def steps on the loop thread",
    caught_by=("shows_def_steps_no_loop", "runs_def_steps_on_calling_thread"),
    harmless=True,
)


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source, its functions as if they were coroutines."""
    functions = {name: _as_coroutine(step) for name, step in source.functions.items()}
    return run_sync(replace(source, functions=functions).run_async, inputs, names=NAMES)


def _as_coroutine(step: AnyFunction) -> Callable[..., Coroutine[Any, Any, object]]:
    @functools.wraps(step)
    def called(**arguments: object) -> Coroutine[Any, Any, object]:
        return _call(functools.partial(step, **arguments))

    return called


async def _call(step: Callable[[], object]) -> object:
    await asyncio.sleep(0)
    return step()
