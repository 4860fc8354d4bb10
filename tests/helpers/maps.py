"""Workflows of one step to be mapped over, and a tool that holds their runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from agent_runtime import MappedRun, Runtime

__all__ = ("ONE_STEP", "AnyFunction", "Gate", "collected", "numbers", "of_function", "of_tool", "steps_of")


ONE_STEP = """
name: mapped
inputs: {{n: {{type: integer}}}}
steps:
  - {{id: step, {kind}: f, with: {{n: "${{inputs.n}}"}}}}
"""

AnyFunction = Callable[..., Any]


def of_tool(tool: AnyFunction) -> Runtime:
    return Runtime(ONE_STEP.format(kind="tool"), tools={"f": tool})


def of_function(function: AnyFunction) -> Runtime:
    return Runtime(ONE_STEP.format(kind="function"), functions={"f": function})


def numbers(count: int) -> Iterator[dict[str, object]]:
    return ({"n": n} for n in range(count))


def steps_of(runs: Iterator[MappedRun]) -> list[object]:
    return [run.outputs["step"] for run in runs]


async def collected(runs: AsyncIterator[MappedRun]) -> list[MappedRun]:
    return [run async for run in runs]


class Gate:
    """A tool that lets runs end in the order that it is told, and counts them."""

    def __init__(self) -> None:
        self.waiting: dict[int, asyncio.Event] = {}
        self.begun: list[int] = []
        self.most = 0
        self.cleaned: list[int] = []

    async def __call__(self, n: int) -> int:
        self.begun.append(n)
        event = self.waiting[n] = asyncio.Event()
        self.most = max(self.most, len(self.waiting))
        try:
            await event.wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0.01)
            self.cleaned.append(n)
            raise
        finally:
            del self.waiting[n]
        return n
