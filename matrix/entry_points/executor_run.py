"""``Executor.run()``: steps that are parsed already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from agent_runtime import Executor, LLMClient, load_workflow
from matrix.model import EntryPoint, Source

ENTRY_POINT = EntryPoint("executor_run", label="Executor.run()")


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Return the outputs of one run; blocks the calling thread."""
    return _executor(source).run(inputs, timeout=source.timeout).outputs


async def call_async(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Return the outputs of one run on the running loop."""
    return (await _executor(source).run_async(inputs, timeout=source.timeout)).outputs


def _executor(source: Source) -> Executor:
    llm = cast("LLMClient | None", source.llm)
    workflow = load_workflow(source.text)
    return Executor(workflow, functions=source.functions, tools=source.tools, llm=llm)
