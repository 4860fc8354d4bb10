"""An async step starts a child process and awaits it, though its loop is not in the main thread."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import replace

from matrix.model import AnyFunction, Expected, Probe, Run, Source, expect

PROBE = Probe(
    "starts_processes_in_steps",
    claim="an async step can start a child process and read what it says, whatever loop the caller has",
    promise="S19",
)

_TEXT = """
name: child
steps:
  - id: child
    tool: child
outputs:
  said: "${steps.child.output}"
"""


async def _child() -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-S", "-E", "-c", "print('hello')", stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    return out.decode().strip()


def check(run: Run) -> None:
    try:
        outputs = run(Source(_TEXT, tools={"child": _child}), {})
    except (NotImplementedError, RuntimeError, ValueError) as error:
        raise Expected(of="a child process in a step", wanted="its output", got=repr(error)) from error

    expect(got=outputs["said"], wanted="hello", of="what the child process said")


def broken(run: Run) -> Run:
    """Run async steps on a loop that cannot start processes."""

    def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
        tools = {name: _without_processes(tool) for name, tool in source.tools.items()}
        return run(replace(source, tools=tools), inputs)

    return call


class _NoProcessLoop(asyncio.SelectorEventLoop):
    async def subprocess_exec(self, *args: object, **options: object) -> object:  # type: ignore[override]
        del args, options
        raise NotImplementedError


def _without_processes(tool: AnyFunction) -> AnyFunction:
    async def call(**arguments: object) -> object:
        return await asyncio.to_thread(_run_there, tool, arguments)

    return call


def _run_there(tool: AnyFunction, arguments: Mapping[str, object]) -> object:
    with asyncio.Runner(loop_factory=_NoProcessLoop) as runner:
        return runner.run(tool(**arguments))  # type: ignore[arg-type]  # the tools here are async
