"""A sync call gives a value, never something to await, and leaves no coroutine behind un-awaited."""

from __future__ import annotations

import gc
import inspect
import warnings
from collections.abc import Mapping
from dataclasses import replace

from matrix.model import AnyFunction, Probe, Run, Source, expect

PROBE = Probe(
    "returns_a_value_for_every_call",
    claim="a sync call awaits every coroutine it makes and returns nothing that is still to be awaited",
    promise="S1",
)

_TEXT = """
name: colours
steps:
  - id: fetch
    tool: fetch
outputs:
  fetched: "${steps.fetch.output}"
"""


async def _fetch() -> str:
    return "fetched"


_SOURCE = Source(_TEXT, tools={"fetch": _fetch})


def check(run: Run) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        outputs = run(_SOURCE, {})
        gc.collect()

    expect(got=inspect.isawaitable(outputs), wanted=False, of="whether the result is to be awaited")
    expect(got=outputs["fetched"], wanted="fetched", of="the async tool's value")
    lost = [str(warning.message) for warning in caught if "never awaited" in str(warning.message)]
    expect(got=lost, wanted=[], of="warnings of coroutines that were never awaited")


def broken(run: Run) -> Run:
    """Call each tool once in vain, as a facade does that tries sync first and turns to async then."""

    def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
        tools = {name: _called_in_vain(tool) for name, tool in source.tools.items()}
        return run(replace(source, tools=tools), inputs)

    return call


def _called_in_vain(tool: AnyFunction) -> AnyFunction:
    async def call_twice(**arguments: object) -> object:
        tool(**arguments)
        result = tool(**arguments)
        return await result if inspect.isawaitable(result) else result

    return call_twice
