"""``Runtime.run()``: a workflow loaded once, here for one run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from agent_runtime import LLMClient, Runtime
from matrix.model import EntryPoint, Source

ENTRY_POINT = EntryPoint("runtime_run", label="Runtime.run()")


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Return the outputs of one run; blocks the calling thread."""
    with _runtime(source) as runtime:
        return runtime.run(inputs, timeout=source.timeout).outputs


async def call_async(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Return the outputs of one run on the running loop."""
    with _runtime(source) as runtime:
        return (await runtime.run_async(inputs, timeout=source.timeout)).outputs


def _runtime(source: Source) -> Runtime:
    llm = cast("LLMClient | None", source.llm)
    return Runtime(source.text, functions=source.functions, tools=source.tools, llm=llm)
