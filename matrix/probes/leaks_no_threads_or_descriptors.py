"""Two hundred calls later the process has no more threads, descriptors and tasks than before."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
import weakref
from collections.abc import Mapping
from pathlib import Path

from matrix.model import Expected, Probe, Run, Source, observe

PROBE = Probe(
    "leaks_no_threads_or_descriptors",
    claim="200 calls, every third failing, leave no thread, no descriptor and no task behind",
    promise="S7",
    limit=30.0,
)

_CALLS = 200
_ROUNDS = 2
"""A leak grows with the calls. What comes once is the host's: a kernel accepts another connection, say."""
_SETTLE = 1.0
"""Seconds that threads get to disappear from the system's tables; a guess, most need microseconds."""

_TEXT = """
name: leak
inputs:
  fail: {type: boolean}
steps:
  - id: in_def
    function: in_def
  - id: work
    tool: work
    with: {fail: "${inputs.fail}"}
outputs:
  tasks: "${steps.work.output}"
"""


class _WorkError(Exception):
    pass


async def _work(*, fail: bool) -> int:
    await asyncio.sleep(0)
    if fail:
        raise _WorkError
    return len(asyncio.all_tasks())


_SOURCE = Source(_TEXT, functions={"in_def": threading.get_ident}, tools={"work": _work})


def check(run: Run) -> None:
    _call(run, fail=True)
    tasks = _call(run, fail=False)
    for _ in range(_ROUNDS):
        before = _count()
        for number in range(_CALLS):
            _call(run, fail=number % 3 == 0)
        after = _settled(before)
        after["tasks"], before["tasks"] = _call(run, fail=False), tasks
        observe(f"counts before and after {_CALLS} calls", (before, after))
        more = [name for name, count in before.items() if after[name] > count]
        if not more:
            return
    name = more[0]
    what = f"{name} after {_CALLS} calls, {_ROUNDS} times over"
    raise Expected(of=what, wanted=f"at most {before[name]}", got=str(after[name]))


def _call(run: Run, *, fail: bool) -> int:
    with contextlib.suppress(_WorkError):
        tasks = run(_SOURCE, {"fail": fail})["tasks"]
        assert isinstance(tasks, int)
        return tasks
    return 0


def _count() -> dict[str, int]:
    counts = {"threads of Python": threading.active_count()}
    for name, folder in (("threads of the system", "/proc/self/task"), ("descriptors", "/dev/fd")):
        if Path(folder).is_dir():
            counts[name] = len(os.listdir(folder))
    return counts


def _settled(before: Mapping[str, int]) -> dict[str, int]:
    """Count again while there are more threads than before: those that end may close descriptors."""
    give_up = time.monotonic() + _SETTLE
    while True:
        counts = _count()
        more = any(counts[name] > before[name] for name in before if name.startswith("threads"))
        if not more or time.monotonic() > give_up:
            return counts
        time.sleep(0.01)  # no event tells of a thread's end in the system's tables


def broken(run: Run) -> Run:
    """Leave one event loop in twenty open, each with its three descriptors."""
    left_open: list[asyncio.AbstractEventLoop] = []
    calls: list[None] = []

    def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
        calls.append(None)
        if len(calls) % 20 == 0:
            left_open.append(asyncio.SelectorEventLoop())
        return run(source, inputs)

    weakref.finalize(call, lambda: [loop.close() for loop in left_open])
    return call
