"""A ``def`` step sees what a plain script shows: no current loop that runs, no trio, no library."""

from __future__ import annotations

import asyncio
import sys
import warnings
from collections.abc import Mapping
from dataclasses import replace

from matrix.model import AnyFunction, Expected, Probe, Run, Source, expect
from matrix.probes._threads import in_a_new_thread

PROBE = Probe(
    "hides_the_hosts_loop_from_def_steps",
    claim="what runs a loop of its own works in a def step: on the current loop, by anyio, by trio",
    promise="S9",
    requires=("anyio", "sniffio"),
)

_TEXT = """
name: loops of its own
steps:
  - id: current
    function: current
  - id: anyio
    function: anyio
  - id: trio
    function: trio
outputs:
  current: "${steps.current.output}"
  anyio: "${steps.anyio.output}"
  trio: "${steps.trio.output}"
"""


def _on_the_current_loop() -> str:
    """Do as sync facades that take the thread's current loop; leave no trace of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # 3.12 and 3.13 warn as they make one
        try:
            loop = asyncio.get_event_loop()
        except RuntimeError:
            loop = asyncio.new_event_loop()
    answer = _answer()
    try:
        return loop.run_until_complete(answer)
    finally:
        answer.close()
        if not loop.is_running():
            loop.close()
            asyncio.set_event_loop(None)


def _by_anyio() -> str:
    import anyio

    return anyio.run(_answer)


def _by_trio() -> str:
    """Run trio where the host has it: in another process it would only take time."""
    trio = sys.modules.get("trio")
    if trio is None:
        return "an answer"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the host watches signals, too: trio tells of that
        return str(trio.run(_answer_of_trio))


async def _answer() -> str:
    await asyncio.sleep(0)
    return "an answer"


async def _answer_of_trio() -> str:
    await sys.modules["trio"].sleep(0)
    return "an answer"


_SOURCE = Source(_TEXT, functions={"current": _on_the_current_loop, "anyio": _by_anyio, "trio": _by_trio})


def check(run: Run) -> None:
    before = _marks()
    try:
        outputs = run(_SOURCE, {})
    except RuntimeError as error:
        raise Expected(of="a loop of a def step's own", wanted="an answer", got=repr(error)) from error

    for name, value in outputs.items():
        expect(got=value, wanted="an answer", of=f"a loop of a def step's own, by {name}")
    expect(got=_marks() == before, wanted=True, of="whether the host's marks are as before")


def _marks() -> tuple[object, ...]:
    """Return the running loop, trio's task, and the library that sniffio finds."""
    import sniffio

    trio = sys.modules.get("trio")
    task = trio.lowlevel.current_task() if trio is not None and trio.lowlevel.in_trio_task() else None
    try:
        library = sniffio.current_async_library()
    except sniffio.AsyncLibraryNotFoundError:
        library = None
    return asyncio._get_running_loop(), task, library  # noqa: SLF001 - documented; tells without raising


def broken(run: Run) -> Run:
    """Run ``def`` steps where a loop runs, and is to be seen."""

    def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
        functions = {name: _on_a_loop(function) for name, function in source.functions.items()}
        return run(replace(source, functions=functions), inputs)

    return call


def _on_a_loop(function: AnyFunction) -> AnyFunction:
    async def main(arguments: Mapping[str, object]) -> object:
        return function(**arguments)

    def call(**arguments: object) -> object:
        return in_a_new_thread(lambda: asyncio.run(main(arguments)))

    return call
