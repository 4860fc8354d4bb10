"""``run_workflow()``: one call from YAML to outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from agent_runtime import LLMClient, run_workflow, run_workflow_async
from matrix.model import EntryPoint, Source

ENTRY_POINT = EntryPoint("run_workflow", label="run_workflow()")


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Return the outputs of one run; blocks the calling thread."""
    result = run_workflow(
        source.text,
        inputs=inputs,
        functions=source.functions,
        tools=source.tools,
        llm=cast("LLMClient | None", source.llm),
        timeout=source.timeout,
    )
    return result.outputs


async def call_async(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Return the outputs of one run on the running loop."""
    result = await run_workflow_async(
        source.text,
        inputs=inputs,
        functions=source.functions,
        tools=source.tools,
        llm=cast("LLMClient | None", source.llm),
        timeout=source.timeout,
    )
    return result.outputs
