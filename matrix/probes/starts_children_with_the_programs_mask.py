"""A child process of a step hears the signals that one of a plain script would hear.

A process inherits the signal mask of the thread that starts it: one that is started with SIGTERM blocked
cannot be told to end, and neither can what it starts itself.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from dataclasses import replace

from matrix.model import AnyFunction, Probe, Run, Source, expect
from matrix.probes._signal_masks import (
    mask_of_a_child,
    mask_of_a_child_of_the_loop,
    only_where_masks_are_shown,
)

PROBE = Probe(
    "starts_children_with_the_programs_mask",
    claim="a child process of a step is started with the signal mask of the program, whatever starts it",
    promise="S8",
    skip_when=only_where_masks_are_shown,
)

_TEXT = """
name: children
steps:
  - {id: on_the_loop, tool: on_the_loop}
  - {id: blocking_the_loop, tool: blocking_the_loop}
  - {id: in_a_thread, tool: in_a_thread}
  - {id: in_a_worker, function: plainly, thread: worker}
  - {id: on_the_calling_thread, function: plainly}
outputs:
  on_the_loop: "${steps.on_the_loop.output}"
  blocking_the_loop: "${steps.blocking_the_loop.output}"
  in_a_thread: "${steps.in_a_thread.output}"
  in_a_worker: "${steps.in_a_worker.output}"
  on_the_calling_thread: "${steps.on_the_calling_thread.output}"
"""


async def _in_a_thread() -> str:
    return await asyncio.to_thread(mask_of_a_child)


async def _blocking_the_loop() -> str:
    return mask_of_a_child()


def check(run: Run) -> None:
    plain = mask_of_a_child()
    tools = {
        "on_the_loop": mask_of_a_child_of_the_loop,
        "blocking_the_loop": _blocking_the_loop,
        "in_a_thread": _in_a_thread,
    }
    outputs = run(Source(_TEXT, functions={"plainly": mask_of_a_child}, tools=tools), {})

    expect(got=outputs, wanted=dict.fromkeys(outputs, plain), of="signal masks of child processes")


def broken(run: Run) -> Run:
    """Block all signals on the thread that runs async steps, for good."""

    def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
        return run(replace(source, tools={name: _deaf(tool) for name, tool in source.tools.items()}), inputs)

    return call


def _deaf(tool: AnyFunction) -> AnyFunction:
    async def call(**arguments: object) -> object:
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            return await tool(**arguments)  # type: ignore[misc]  # the tools here are async
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    return call
