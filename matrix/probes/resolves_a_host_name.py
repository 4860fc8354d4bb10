"""An async step looks a host name up and sends a function to a thread: what the loop's executor is for."""

from __future__ import annotations

import asyncio
import contextvars
import socket
from collections.abc import Mapping
from dataclasses import replace

from matrix.model import AnyFunction, Expected, Probe, Run, Source, expect

PROBE = Probe(
    "resolves_a_host_name",
    claim="an async step can look up a host name and await a function that runs in a thread",
    promise="S19",
)

_TEXT = """
name: executor
steps:
  - id: addresses
    tool: look_up
  - id: seen
    tool: ask_a_thread
outputs:
  addresses: "${steps.addresses.output}"
  seen: "${steps.seen.output}"
"""

_word: contextvars.ContextVar[str] = contextvars.ContextVar("_word", default="nothing")


async def _look_up() -> list[str]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo("localhost", 80, type=socket.SOCK_STREAM)
    host, _ = await loop.getnameinfo(("127.0.0.1", 80), socket.NI_NUMERICHOST)
    return [*sorted({str(address[0]) for *_, address in found} & {"127.0.0.1", "::1"}), host]


async def _ask_a_thread() -> str:
    _word.set("the task's own")
    return await asyncio.to_thread(_word.get)


def check(run: Run) -> None:
    tools: dict[str, AnyFunction] = {"look_up": _look_up, "ask_a_thread": _ask_a_thread}
    try:
        outputs = run(Source(_TEXT, tools=tools), {})
    except (OSError, RuntimeError, TypeError) as error:
        raise Expected(of="a name and a thread in a step", wanted="both", got=repr(error)) from error

    addresses = outputs["addresses"]
    assert isinstance(addresses, list)
    expect(got=addresses[-1], wanted="127.0.0.1", of="the name of an address")
    expect(got=len(addresses) > 1, wanted=True, of="whether localhost is one of this machine's own addresses")
    expect(got=outputs["seen"], wanted="the task's own", of="the context variable in the thread")


def broken(run: Run) -> Run:
    """Run async steps on a loop whose executor takes no work, as after the end of the main thread."""

    def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
        tools = {name: _without_executor(tool) for name, tool in source.tools.items()}
        return run(replace(source, tools=tools), inputs)

    return call


def _without_executor(tool: AnyFunction) -> AnyFunction:
    async def call(**arguments: object) -> object:
        loop = asyncio.get_running_loop()
        before = loop.run_in_executor
        loop.run_in_executor = _refuse  # type: ignore[method-assign, assignment]
        try:
            return await tool(**arguments)  # type: ignore[misc]  # the tools here are async
        finally:
            loop.run_in_executor = before  # type: ignore[method-assign]

    return call


def _refuse(*_arguments: object) -> object:
    raise RuntimeError("cannot schedule new futures after shutdown")
