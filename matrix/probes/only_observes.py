"""Who looks where a long call stands may fail to see it: that is nothing to the call."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from asyncio import tasks
from collections.abc import Iterator, Mapping
from typing import Any

from matrix.model import Probe, Run, Source, expect

PROBE = Probe(
    "only_observes",
    claim="a call ends as it would even where its stack and the tasks of its loop cannot be looked at",
    promise="S11",
)

_LONG = 0.25
"""Seconds: a call that takes longer than a tenth of one is looked at."""

_TEXT = """
name: work
steps:
  - id: work
    tool: work
outputs:
  value: "${steps.work.output}"
"""


async def _work() -> str:
    await asyncio.sleep(_LONG)
    return "well"


_SOURCE = Source(_TEXT, tools={"work": _work})


def check(run: Run) -> None:
    with _unseen():
        outputs = run(_SOURCE, {})

    expect(got=outputs["value"], wanted="well", of="a call that nobody can look at")


@contextlib.contextmanager
def _unseen() -> Iterator[None]:
    """Let every look at threads, and at the tasks of a loop that runs, fail for the length of the block."""
    frames, all_tasks = sys._current_frames, asyncio.all_tasks  # noqa: SLF001 - it has no other name

    def no_frames() -> Any:
        raise LookupError("no stack can be read here")

    def no_tasks(loop: asyncio.AbstractEventLoop | None = None) -> Any:
        if loop is not None and not loop.is_running():
            return all_tasks(loop)  # whoever ends a loop has to know
        raise LookupError("no task can be seen here")

    sys._current_frames = no_frames  # noqa: SLF001 - as above
    asyncio.all_tasks = tasks.all_tasks = no_tasks
    try:
        yield
    finally:
        sys._current_frames = frames  # noqa: SLF001 - as above
        asyncio.all_tasks = tasks.all_tasks = all_tasks


def broken(run: Run) -> Run:
    """Look at all threads when the call has ended, for a report say."""

    def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
        outputs = run(source, inputs)
        sys._current_frames()  # noqa: SLF001 - as above
        return outputs

    return call
