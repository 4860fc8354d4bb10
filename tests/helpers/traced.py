"""A workflow that hops from thread to thread, the ways to run it, and how to read its trace."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from agent_runtime import Options, Runtime
from agent_runtime.tracing import Recorder, Span, SpanKind

__all__ = (
    "FUNCTIONS",
    "WAYS",
    "by_run_in_a_thread",
    "by_run_inside_a_loop",
    "by_stream",
    "named",
    "outer",
    "path_to",
)

NESTED = """
name: outer
inputs: {word: {default: w}}
steps:
  - {id: plain, function: plain, with: {word: "${inputs.word}"}}
  - {id: awaited, tool: awaited, needs: [plain]}
  - {id: nested, function: nested, thread: worker, needs: [awaited]}
"""
INNER = Runtime("name: inner\nsteps:\n  - {id: deep, function: deep}\n", functions={"deep": lambda: None})


async def awaited() -> str:
    await asyncio.sleep(0)
    return "secret output"


FUNCTIONS: dict[str, Callable[..., object]] = {
    "plain": lambda word: "secret output",
    "nested": lambda: INNER.run().status,
}


def outer(recorder: Recorder) -> Runtime:
    return Runtime(NESTED, functions=FUNCTIONS, tools={"awaited": awaited}, options=Options(trace=recorder))


def path_to(span: Span) -> list[str]:
    """Return what a span stands in, from the outside."""
    around = [] if span.parent is None else path_to(span.parent)
    return [*around, f"{span.kind} {span.name}"]


def named(recorder: Recorder, kind: SpanKind, name: str = "") -> list[Span]:
    return [span for span in recorder.spans if span.kind is kind and name in span.name]


def by_run(runtime: Runtime) -> None:
    runtime.run()


def by_run_inside_a_loop(runtime: Runtime) -> None:
    async def main() -> None:
        runtime.run(on_running_loop="allow")

    asyncio.run(main())


def by_run_in_a_thread(runtime: Runtime) -> None:
    thread = threading.Thread(target=runtime.run)
    thread.start()
    thread.join()


def by_run_async(runtime: Runtime) -> None:
    asyncio.run(_run(runtime))


async def _run(runtime: Runtime) -> None:
    await runtime.run_async()


def by_stream(runtime: Runtime) -> None:
    for _ in runtime.stream():
        pass


def by_stream_async(runtime: Runtime) -> None:
    async def main() -> None:
        async for _ in runtime.stream_async():
            pass

    asyncio.run(main())


WAYS = [by_run, by_run_inside_a_loop, by_run_in_a_thread, by_run_async, by_stream, by_stream_async]
