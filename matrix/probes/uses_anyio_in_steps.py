"""An async step is on asyncio for anyio and its clients, whatever library the caller is in."""

from __future__ import annotations

import functools
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from typing import Any, cast

from matrix.model import AnyFunction, Expected, Probe, Run, Source, expect

PROBE = Probe(
    "uses_anyio_in_steps",
    claim="tasks, events and threads of anyio work in an async step; the caller keeps its library",
    promise="S19",
    requires=("anyio", "sniffio"),
)

_TEXT = """
name: anyio
steps:
  - id: all
    tool: all
outputs:
  seen: "${steps.all.output}"
"""


async def _all() -> list[object]:
    import anyio
    import sniffio

    event, said = anyio.Event(), []

    async def child() -> None:
        await anyio.sleep(0.001)
        said.append("child")
        event.set()

    async with anyio.create_task_group() as group:
        group.start_soon(child)
        await event.wait()
    return [sniffio.current_async_library(), *said, await anyio.to_thread.run_sync(lambda: "thread")]


def check(run: Run) -> None:
    before = _library()
    try:
        outputs = run(Source(_TEXT, tools={"all": _all}), {})
    except (RuntimeError, AttributeError, LookupError) as error:
        raise Expected(of="anyio in an async step", wanted="what it does", got=repr(error)) from error

    expect(got=outputs["seen"], wanted=["asyncio", "child", "thread"], of="what anyio did in an async step")
    expect(got=_library(), wanted=before, of="the library that sniffio finds where the call was made")


def _library() -> str | None:
    import sniffio

    try:
        return sniffio.current_async_library()
    except sniffio.AsyncLibraryNotFoundError:
        return None


def broken(run: Run) -> Run:
    """Let the steps see a context variable of a caller that is in trio."""

    def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
        tools = {name: _as_in_trio(tool) for name, tool in source.tools.items()}
        return run(replace(source, tools=tools), inputs)

    return call


def _as_in_trio(tool: AnyFunction) -> AnyFunction:
    @functools.wraps(tool)
    async def call(**arguments: object) -> object:
        import sniffio

        token = sniffio.current_async_library_cvar.set("trio")
        try:
            return await cast("Coroutine[Any, Any, object]", tool(**arguments))
        finally:
            sniffio.current_async_library_cvar.reset(token)

    return call
