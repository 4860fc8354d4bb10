"""A second Ctrl-C abandons the wait for a cleanup that does not end, and the bridge goes on working."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping
from types import FrameType

from matrix.model import Expected, Probe, Run, Source, expect
from matrix.probes._patience import patiently
from matrix.probes.cancels_on_ctrl_c import PROBE as FIRST_PRESS

PROBE = Probe(
    "abandons_on_second_ctrl_c",
    claim="a second Ctrl-C abandons a cleanup that takes too long: KeyboardInterrupt comes out at once",
    promise="S6",
    isolated=True,
    skip_when=FIRST_PRESS.skip_when,
)

_TEXT = """
name: stubborn
steps:
  - id: wait
    tool: wait
outputs:
  value: "${steps.wait.output}"
"""


class _Work:
    """Presses Ctrl-C when it waits, and again in the midst of its cleanup."""

    def __init__(self) -> None:
        self.seen = "waiting"

    async def wait(self) -> str:
        asyncio.get_running_loop().call_soon(_press)
        try:
            await patiently()
        finally:
            self.seen = "cleaning up"
            asyncio.get_running_loop().call_soon(_press)
            await patiently()
            self.seen = "cleaned up"
        return "not interrupted"


def _press() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def check(run: Run) -> None:
    handler = signal.getsignal(signal.SIGINT)
    work = _Work()
    try:
        outputs = run(Source(_TEXT, tools={"wait": work.wait}), {})
    except KeyboardInterrupt:
        seen = work.seen
    else:
        raise Expected(of="the call that Ctrl-C met", wanted="KeyboardInterrupt", got=f"outputs {outputs!r}")

    expect(got=seen, wanted="cleaning up", of="the work when KeyboardInterrupt came out")
    after = signal.getsignal(signal.SIGINT)
    expect(got=after == handler, wanted=True, of=f"whether SIGINT's handler is as before ({after!r})")
    outputs = run(Source(_TEXT, tools={"wait": _at_once}), {})
    expect(got=outputs["value"], wanted="well", of="the next call, the cleanup still going on")


async def _at_once() -> str:
    return "well"


def broken(run: Run) -> Run:
    """Hear the first Ctrl-C only."""

    def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
        pressed: list[int] = []

        def handler(signum: int, frame: FrameType | None) -> None:
            del frame
            pressed.append(signum)
            if len(pressed) == 1:
                raise KeyboardInterrupt

        previous = signal.signal(signal.SIGINT, handler)
        try:
            return run(source, inputs)
        finally:
            signal.signal(signal.SIGINT, previous)

    return call
