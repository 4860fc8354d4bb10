"""A loop that fails takes its thread with it: who waits for that is told, and the next call works."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from typing import Any

from matrix.model import Expected, Probe, Run, Source, expect
from matrix.probes._patience import giving_up

PROBE = Probe(
    "survives_a_dead_loop_thread",
    claim="a call whose event loop fails ends in an error that says so, and the next call works",
    promise="S11",
)

_TEXT = """
name: work
steps:
  - id: work
    tool: work
outputs:
  value: "${steps.work.output}"
"""


class _Ruin:
    """A step whose loop fails, once, as soon as the step waits."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.given_up = threading.Event()
        self._loop: Any = None
        self._waiting: asyncio.Event | None = None

    async def work(self) -> str:
        self._loop, self._waiting = asyncio.get_running_loop(), asyncio.Event()
        self._loop._run_once = self._fail  # noqa: SLF001 - a loop does not fail by itself
        self.begun.set()
        await self._waiting.wait()
        return "given up"

    def _fail(self) -> None:
        del self._loop._run_once  # noqa: SLF001 - as above
        raise MemoryError("this loop has no room for another round")

    def give_up(self) -> None:
        """End the wait from outside, on whatever thread drives the loop by now."""
        self.given_up.set()
        if self._loop is not None and self._waiting is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._waiting.set)


def check(run: Run) -> None:
    ruin, error = _Ruin(), None
    with giving_up(ruin.begun, ruin.give_up) as patience:
        try:
            run(Source(_TEXT, tools={"work": ruin.work}), {})
        except BaseException as raised:  # noqa: BLE001 - whatever a bridge makes of it
            error = raised

    of = "a call whose loop has failed"
    if patience.ended:
        raise Expected(of=of, wanted="an error", got="nothing, until the work was made to give up")
    if not isinstance(error, Exception):
        raise Expected(of=of, wanted="an error", got=repr(error)) from error
    if not any(isinstance(one, MemoryError) for one in (error, error.__cause__)):
        raise Expected(of=of, wanted="what the loop has failed with", got=repr(error)) from error
    outputs = run(Source(_TEXT, tools={"work": _at_once}), {})
    expect(got=outputs["value"], wanted="well", of="the next call")


async def _at_once() -> str:
    return "well"


def broken(run: Run) -> Run:
    """Tell the caller nothing until it gives up, as if nobody spoke for the thread that is gone."""

    def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
        ruin: Any = getattr(source.tools["work"], "__self__", None)
        try:
            return run(source, inputs)
        finally:
            if ruin is not None:
                ruin.given_up.wait()

    return call
