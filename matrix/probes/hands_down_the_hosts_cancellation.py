"""A call in a worker thread of AnyIO, as a def route is, ends when the scope of that thread is cancelled."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping

from matrix.model import Facts, Probe, Run, Source, expect
from matrix.probes._threads import in_a_new_thread


def _skip_when(facts: Facts) -> str | None:
    if facts.running_loop is None and not facts.main_thread:
        return None
    return "AnyIO's worker threads run no loop, and none of them is the main thread"


PROBE = Probe(
    "hands_down_the_hosts_cancellation",
    claim="a call in an AnyIO worker thread cancels its work when the scope of the thread is cancelled",
    promise="S12",
    skip_when=_skip_when,
    requires=("anyio",),
)

_TEXT = """
name: cancelled by its host
steps:
  - {id: go_on, tool: go_on}
"""
_LONG = 3.0
"""Seconds that the work would take; it should be cancelled after a tenth of one."""


def check(run: Run) -> None:
    import anyio.to_thread

    begun, seen = threading.Event(), ["the work was never begun"]

    async def go_on() -> None:
        begun.set()
        try:
            await asyncio.sleep(_LONG)
            seen.append("the work went on to its end")
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            seen.append("the work was cancelled and has cleaned up")
            raise

    def call() -> None:
        run(Source(_TEXT, tools={"go_on": go_on}), {})

    async def host() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.to_thread.run_sync, call)
            await anyio.to_thread.run_sync(begun.wait, _LONG)
            group.cancel_scope.cancel()

    in_a_new_thread(anyio.run, host)

    expect(got=seen[-1], wanted="the work was cancelled and has cleaned up", of="the end of the work")


def broken(run: Run) -> Run:
    """Make the call on a thread that belongs to no scope."""

    def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
        return in_a_new_thread(run, source, inputs)

    return call
