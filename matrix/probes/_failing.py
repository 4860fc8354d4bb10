"""Workflows that fail, and what comes out of the call: what several probes of errors need."""

from __future__ import annotations

from typing import Literal

from matrix.model import AnyFunction, Expected, Run, Source

__all__ = ("COLOURS", "Colour", "caught", "failing")

Colour = Literal["def", "async def"]
COLOURS: tuple[Colour, ...] = ("def", "async def")

_TEXT = """
name: failing
steps:
  - id: fail
    {kind}: fail
outputs:
  value: "${{steps.fail.output}}"
"""


def failing(fail: AnyFunction, colour: Colour) -> Source:
    """Return a workflow whose one step calls ``fail``: from a ``def`` step or an ``async def`` one."""
    if colour == "def":
        return Source(_TEXT.format(kind="function"), functions={"fail": fail})

    async def fail_async() -> object:
        return fail()

    return Source(_TEXT.format(kind="tool"), tools={"fail": fail_async})


def caught(run: Run, source: Source) -> BaseException:
    """Return the exception that comes out of a call.

    Raises:
        Expected: the call returned.
    """
    try:
        outputs = run(source, {})
    except BaseException as error:  # noqa: BLE001 - what a call lets out is what the probes look at
        return error
    raise Expected(of="the call of a failing workflow", wanted="its exception", got=f"outputs {outputs!r}")
