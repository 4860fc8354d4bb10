"""The three sync entry points and their async variants, called alike."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import yaml

from agent_runtime import Executor, Runtime, run_workflow, run_workflow_async

__all__ = ("ASYNC_VARIANTS", "ENTRY_POINTS", "one_step")

Callables = Mapping[str, Callable[..., object]]
Code = Mapping[str, Callables]


def one_step(kind: str) -> str:
    """Return a workflow of one step: ``kind`` is "tool" or "function", and ``act`` its name."""
    return f"name: one\nsteps:\n  - id: act\n    {kind}: act\noutputs:\n  value: '${{steps.act.output}}'\n"


def _run_workflow(text: str, code: Code) -> Mapping[str, object]:
    return run_workflow(text, functions=code.get("functions"), tools=code.get("tools")).outputs


def _runtime_run(text: str, code: Code) -> Mapping[str, object]:
    with Runtime(text, functions=code.get("functions"), tools=code.get("tools")) as runtime:
        return runtime.run().outputs


def _executor(text: str, code: Code) -> Executor:
    file = yaml.safe_load(text)
    return Executor(
        file["steps"], outputs=file["outputs"], functions=code.get("functions"), tools=code.get("tools")
    )


def _executor_run(text: str, code: Code) -> Mapping[str, object]:
    return _executor(text, code).run().outputs


async def _run_workflow_async(text: str, code: Code) -> Mapping[str, object]:
    result = await run_workflow_async(text, functions=code.get("functions"), tools=code.get("tools"))
    return result.outputs


async def _runtime_run_async(text: str, code: Code) -> Mapping[str, object]:
    with Runtime(text, functions=code.get("functions"), tools=code.get("tools")) as runtime:
        return (await runtime.run_async()).outputs


async def _executor_run_async(text: str, code: Code) -> Mapping[str, object]:
    return (await _executor(text, code).run_async()).outputs


ENTRY_POINTS: dict[str, Callable[[str, Code], Mapping[str, Any]]] = {
    "run_workflow": _run_workflow,
    "runtime_run": _runtime_run,
    "executor_run": _executor_run,
}
"""Each runs a workflow's text with ``{"tools": {...}, "functions": {...}}`` and returns its outputs."""

ASYNC_VARIANTS: dict[str, Callable[[str, Code], Awaitable[Mapping[str, Any]]]] = {
    "run_workflow": _run_workflow_async,
    "runtime_run": _runtime_run_async,
    "executor_run": _executor_run_async,
}
