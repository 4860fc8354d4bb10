"""A loop of its own kind, on which no child process can be started.

Reports: policy-uvloop-subprocess, undrivable-loop: a bare NotImplementedError.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from agent_runtime.bridge import Bridge
from matrix.controls._right import right
from matrix.model import Control, Source

CONTROL = Control(
    "loop_without_processes",
    summary="brings a loop of its own, which cannot start processes",
    caught_by=("starts_processes_in_steps",),
    harmless=True,
)


class _PlainLoop(asyncio.SelectorEventLoop):
    async def subprocess_exec(self, *args: object, **options: object) -> object:  # type: ignore[override]
        del args, options
        raise NotImplementedError


_bridge = Bridge(loop_factory=_PlainLoop, name="plain loop")


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source on a loop of our own kind."""
    return right(source, inputs, bridge=_bridge)
