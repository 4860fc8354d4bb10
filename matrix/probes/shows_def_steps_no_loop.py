"""A ``def`` step sees no running event loop, wherever the call was made, and may run its own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from matrix.model import AnyFunction, Expected, Probe, Run, Source, expect
from matrix.probes._threads import in_a_new_thread

PROBE = Probe(
    "shows_def_steps_no_loop",
    claim="a def step sees no running loop: APIs that refuse to work beside one work, asyncio.run() too",
    promise="S9",
)

_TEXT = """
name: no loop here
steps:
  - id: seen
    function: seen
  - id: own
    function: own
outputs:
  seen: "${steps.seen.output}"
  own: "${steps.own.output}"
"""


def _seen() -> str:
    """Ask as an ORM's async-safety check and a browser driver's sync API do."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return "no running loop"
    return repr(loop)


def _own() -> str:
    """Run a loop of one's own, as a sync helper of another library does; leave no trace of it."""
    loop, answer = asyncio.new_event_loop(), _answer()
    try:
        return loop.run_until_complete(answer)
    finally:
        answer.close()
        loop.close()


async def _answer() -> str:
    await asyncio.sleep(0)
    return "an answer"


_SOURCE = Source(_TEXT, functions={"seen": _seen, "own": _own})


def check(run: Run) -> None:
    try:
        outputs = run(_SOURCE, {})
    except RuntimeError as error:
        raise Expected(of="a loop of a def step's own", wanted="an answer", got=repr(error)) from error

    expect(got=outputs["seen"], wanted="no running loop", of="get_running_loop() in a def step")
    expect(got=outputs["own"], wanted="an answer", of="a loop of a def step's own")


def broken(run: Run) -> Run:
    """Run ``def`` steps on a loop's thread, between two of its callbacks."""

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
