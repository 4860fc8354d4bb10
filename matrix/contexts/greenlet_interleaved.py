"""Two greenlets of one task, each in a call, that take turns: neither call ends where it has begun last."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from matrix.contexts._observe import ASYNCIO_LOOPS
from matrix.model import Cell, Context, Facts, Job, Source

CONTEXT = Context(
    "greenlet_interleaved",
    summary="in a greenlet, while another one of its task stands in a step of a call",
    facts=Facts(
        running_loop=ASYNCIO_LOOPS,
        current_task=True,
        main_thread=True,
        evidence={"the other call": "in its step"},
    ),
    requires=("greenlet",),
    gate_entry_points=("run_workflow", "bridge_run_sync"),
    gate_probes=(
        "cancels_on_ctrl_c",
        "keeps_context_variables",
        "leaves_*",
        "raises_the_steps_own_exception",
        "returns_the_async_value",
        "runs_def_steps_on_calling_thread",
        "shows_def_steps_no_loop",
    ),
)

_TEXT = """
name: other
steps:
  - {id: wait, function: wait}
outputs: {value: "${steps.wait.output}"}
"""


def host(job: Job) -> None:
    async def main() -> None:
        for cell in job.cells:
            await _perform(job, cell)

    asyncio.run(main())


async def _perform(job: Job, cell: Cell) -> None:
    """Have another call begin before the cell's, and end in the midst of it or after it."""
    import greenlet

    turn, in_step = asyncio.Event(), asyncio.Event()

    def wait() -> str:
        in_step.set()
        greenlet.getcurrent().parent.switch(turn.wait())
        return "ended"

    def call() -> object:
        # What is around the cell is right, also where the bridge that the cell judges is not.
        return job.run_of(replace(cell, target="agent_runtime"))(Source(_TEXT, functions={"wait": wait}), {})

    other = asyncio.ensure_future(_in_a_greenlet(call))
    await asyncio.wait((other, asyncio.ensure_future(in_step.wait())), return_when=asyncio.FIRST_COMPLETED)
    # Whatever lets the loop go on from here, a step of the cell's say, lets the other call end.
    asyncio.get_running_loop().call_soon(turn.set)
    evidence = {"the other call": "has ended" if other.done() else "in its step"}
    await _in_a_greenlet(lambda: job.perform(cell, evidence=evidence))
    await other


async def _in_a_greenlet(function: Callable[[], object]) -> object:
    """Call a function in a greenlet that may hand over what is to be awaited."""
    import greenlet

    class Greenlet(greenlet.greenlet):  # type: ignore[misc]  # it has no types
        awaited_by_its_parent = True

    here = greenlet.getcurrent()
    child: Any = Greenlet(function, here)
    child.gr_context = here.gr_context
    handed: Awaitable[object] = child.switch()
    while not child.dead:
        await handed
        handed = child.switch()
    return handed
