"""Async variants run on asyncio's loop; elsewhere they say so, and what to write."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
import trio

from agent_runtime import Runtime

WORKFLOW = """
steps:
  - {id: a, function: f}
outputs:
  answer: ${steps.a.output}
"""


async def run(runtime: Runtime) -> object:
    return await runtime.run_async()


async def read(runtime: Runtime) -> object:
    return [event async for event in runtime.stream_async()]


async def map_all(runtime: Runtime) -> object:
    return [run async for run in runtime.map_async([{}])]


@pytest.mark.parametrize("use", [run, read, map_all])
def test_async_variant_says_that_it_needs_asyncio(use: Callable[[Runtime], Awaitable[object]]) -> None:
    runtime = Runtime(WORKFLOW, functions={"f": lambda: 1})

    with pytest.raises(RuntimeError, match=r"needs a loop of asyncio.*await trio\.to_thread\.run_sync\("):
        trio.run(use, runtime)


def test_what_the_message_says_to_write_works() -> None:
    runtime = Runtime(WORKFLOW, functions={"f": lambda: 1})

    async def main() -> object:
        result = await trio.to_thread.run_sync(runtime.run)
        return result.outputs

    assert trio.run(main) == {"answer": 1}
