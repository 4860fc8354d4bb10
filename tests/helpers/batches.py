"""Workflows of plain functions for tests of batches, and the ways to run them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from agent_runtime import RunFinished, RunResult, Runtime

AnyFunction = Callable[..., Any]


def chain(count: int, **functions: AnyFunction) -> Runtime:
    """Steps s0, s1, ... of the function f, each given its number and the output of the one before."""
    lines = ["name: chained", "steps:", "  - {id: s0, function: f, with: {n: 0, before: null}}"]
    lines += [
        f'  - {{id: s{n}, function: f, with: {{n: {n}, before: "${{steps.s{n - 1}.output}}"}}}}'
        for n in range(1, count)
    ]
    return Runtime("\n".join(lines) + "\n", functions=functions)


def fan_out(count: int, **functions: AnyFunction) -> Runtime:
    """Steps s0, s1, ... of the function f that wait for nothing, each given its number."""
    lines = [f"  - {{id: s{n}, function: f, with: {{n: {n}, before: null}}}}" for n in range(count)]
    return Runtime("\n".join(["steps:", *lines, ""]), functions=functions)


def streamed(runtime: Runtime) -> RunResult:
    """Run it step by step, with an event for each."""
    (result,) = [event.result for event in runtime.stream() if isinstance(event, RunFinished)]
    return result


WAYS = pytest.mark.parametrize(
    "way",
    [
        pytest.param(lambda runtime: runtime.run(), id="sync"),
        pytest.param(lambda runtime: asyncio.run(runtime.run_async()), id="async"),
        pytest.param(streamed, id="one_by_one"),
    ],
)
Way = Callable[[Runtime], RunResult]

SHAPES = pytest.mark.parametrize("shape", [chain, fan_out])
Shape = Callable[..., Runtime]
