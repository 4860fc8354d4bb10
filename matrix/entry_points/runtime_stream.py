"""``Runtime.stream()``: a run read event by event to its end."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Generator, Mapping
from typing import cast

from agent_runtime import LLMClient, RunFinished, Runtime, StepFinished, StreamEvent
from matrix.model import EntryPoint, Item, Source

ENTRY_POINT = EntryPoint(
    "runtime_stream",
    label="Runtime.stream()",
    without={"raises_stop_iteration": "StopIteration ends a for loop, so Python lets no generator raise it"},
)


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Return the outputs of one run; blocks the calling thread."""
    with _runtime(source) as runtime:
        for event in runtime.stream(inputs, timeout=source.timeout):
            last = event
    assert isinstance(last, RunFinished)
    return last.result.outputs


async def call_async(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Return the outputs of one run on the running loop."""
    with _runtime(source) as runtime:
        async for event in runtime.stream_async(inputs, timeout=source.timeout):
            last = event
    assert isinstance(last, RunFinished)
    return last.result.outputs


def open_session(source: Source) -> RuntimeSession:
    """Return a runtime, loaded and ready to run."""
    return RuntimeSession(_runtime(source))


class RuntimeSession:
    """A runtime, with its events reduced to the steps that have ended."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def run(self, inputs: Mapping[str, object]) -> Mapping[str, object]:
        """Return the outputs of one run; blocks the calling thread."""
        return self._runtime.run(inputs).outputs

    def stream(self, inputs: Mapping[str, object]) -> Generator[Item, None, None]:
        """Give the steps of one run as they end; each ``next()`` blocks the calling thread."""
        return _items(self._runtime.stream(inputs))

    def close(self) -> None:
        """Close the runtime; blocks the calling thread."""
        self._runtime.close()

    async def run_async(self, inputs: Mapping[str, object]) -> Mapping[str, object]:
        """Return the outputs of one run on the running loop."""
        return (await self._runtime.run_async(inputs)).outputs

    def stream_async(self, inputs: Mapping[str, object]) -> AsyncGenerator[Item, None]:
        """Give the steps of one run as they end, on the running loop."""
        return _items_async(self._runtime.stream_async(inputs))

    async def close_async(self) -> None:
        """Close the runtime."""
        await self._runtime.aclose()


def _items(stream: Generator[StreamEvent, None, None]) -> Generator[Item, None, None]:
    with contextlib.closing(stream) as events:
        for event in events:
            if isinstance(event, StepFinished):
                yield Item(event.step, event.output)


async def _items_async(stream: AsyncGenerator[StreamEvent, None]) -> AsyncGenerator[Item, None]:
    async with contextlib.aclosing(stream) as events:
        async for event in events:
            if isinstance(event, StepFinished):
                yield Item(event.step, event.output)


def _runtime(source: Source) -> Runtime:
    llm = cast("LLMClient | None", source.llm)
    return Runtime(source.text, functions=source.functions, tools=source.tools, llm=llm)
