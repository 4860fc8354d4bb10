"""The mistake of a loop for each call, for probes of what must outlive one call."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from typing import Any, cast

from matrix.model import AnyFunction, Run, Source

__all__ = ("with_a_loop_for_each_call",)


def with_a_loop_for_each_call(run: Run) -> Run:
    """Return ``run`` with each async tool on a new loop, closed again at once, as ``asyncio.run`` does."""

    def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
        tools = {name: _on_a_new_loop(tool) for name, tool in source.tools.items()}
        return run(replace(source, tools=tools), inputs)

    return call


def _on_a_new_loop(tool: AnyFunction) -> AnyFunction:
    if not inspect.iscoroutinefunction(tool):
        return tool

    async def call(**arguments: object) -> object:
        coroutine = cast("Coroutine[Any, Any, object]", tool(**arguments))
        return await asyncio.to_thread(asyncio.run, coroutine)

    return call
