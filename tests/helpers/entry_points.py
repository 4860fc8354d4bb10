"""The three sync entry points and their async variants, called alike."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import yaml

from agent_runtime import Executor, RunResult, Runtime, run_workflow, run_workflow_async

__all__ = ("ASYNC_VARIANTS", "ENTRY_POINTS", "one_step")

Callables = Mapping[str, Callable[..., object]]


def one_step(kind: str) -> str:
    """Return a workflow of one step: ``kind`` is "tool" or "function", and ``act`` its name."""
    return f"name: one\nsteps:\n  - id: act\n    {kind}: act\noutputs:\n  value: '${{steps.act.output}}'\n"


def _run_workflow(text: str, callables: Mapping[str, Callables]) -> Mapping[str, object]:
    return run_workflow(text, **callables).outputs


def _runtime_run(text: str, callables: Mapping[str, Callables]) -> Mapping[str, object]:
    with Runtime(text, **callables) as runtime:
        return runtime.run().outputs


def _executor_run(text: str, callables: Mapping[str, Callables]) -> Mapping[str, object]:
    file = yaml.safe_load(text)
    return Executor(file["steps"], outputs=file["outputs"], **callables).run().outputs


async def _run_workflow_async(text: str, callables: Mapping[str, Callables]) -> Mapping[str, object]:
    result: RunResult = await run_workflow_async(text, **callables)
    return result.outputs


async def _runtime_run_async(text: str, callables: Mapping[str, Callables]) -> Mapping[str, object]:
    with Runtime(text, **callables) as runtime:
        return (await runtime.run_async()).outputs


async def _executor_run_async(text: str, callables: Mapping[str, Callables]) -> Mapping[str, object]:
    file = yaml.safe_load(text)
    return (await Executor(file["steps"], outputs=file["outputs"], **callables).run_async()).outputs


ENTRY_POINTS: dict[str, Callable[[str, Mapping[str, Callables]], Mapping[str, Any]]] = {
    "run_workflow": _run_workflow,
    "runtime_run": _runtime_run,
    "executor_run": _executor_run,
}
"""Each runs a workflow's text with ``{"tools": {...}, "functions": {...}}`` and returns its outputs."""

ASYNC_VARIANTS: dict[str, Callable[[str, Mapping[str, Callables]], Awaitable[Mapping[str, Any]]]] = {
    "run_workflow": _run_workflow_async,
    "runtime_run": _runtime_run_async,
    "executor_run": _executor_run_async,
}
