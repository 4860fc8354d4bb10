"""However many threads are in a call at once, one loop serves them, with no descriptor more."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from matrix.model import AnyFunction, Expected, Probe, Run, Source, expect

PROBE = Probe(
    "serves_a_crowd_on_one_loop",
    claim="sixteen threads that are in a call at once share one loop, one loop thread and its descriptors",
    promise="S20",
)

_CALLERS = 16
_DESCRIPTORS = Path("/dev/fd")
_STRAY = 4
"""Descriptors that the host may open meanwhile, as notebook kernels do; a loop for each caller takes 48."""

_TEXT = """
name: crowd
steps:
  - id: meet
    tool: meet
"""


class _Crowd:
    """Steps that wait for each other, on whichever loops they run, and what there is when all are there."""

    def __init__(self, size: int) -> None:
        self._missing = size
        self._lock = threading.Lock()
        self.loops: set[int] = set()
        self.loop_threads: set[int] = set()
        self.descriptors = 0

    async def meet(self) -> None:
        with self._lock:
            self._missing -= 1
            self.loops.add(id(asyncio.get_running_loop()))
            self.loop_threads.add(threading.get_ident())
            if not self._missing:
                self.descriptors = _count_of_descriptors()
        while self._missing:  # noqa: ASYNC110 - no event can be waited for on several loops
            await asyncio.sleep(0.005)


def check(run: Run) -> None:
    alone = _Crowd(1)
    run(_source(alone), {})
    crowd = _Crowd(_CALLERS)
    source = _source(crowd)
    threads = [threading.Thread(target=run, args=(source, {})) for _ in range(_CALLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    expect(got=len(crowd.loops), wanted=1, of="loops that served the crowd")
    expect(got=crowd.loop_threads, wanted=alone.loop_threads, of="threads that served the crowd")
    more = crowd.descriptors - alone.descriptors
    if more > _STRAY:
        raise Expected(of="descriptors for the crowd", wanted=f"at most {_STRAY} more", got=f"{more} more")


def _source(crowd: _Crowd) -> Source:
    return Source(_TEXT, tools={"meet": crowd.meet})


def _count_of_descriptors() -> int:
    return len(os.listdir(_DESCRIPTORS)) if _DESCRIPTORS.is_dir() else 0


def broken(run: Run) -> Run:
    """Make a loop for each call: each has a thread and three descriptors of its own."""
    pool = ThreadPoolExecutor(max_workers=2 * _CALLERS)

    def on_a_loop_of_its_own(tool: AnyFunction) -> AnyFunction:
        async def call() -> object:
            work = cast("Coroutine[Any, Any, object]", tool())
            return await asyncio.get_running_loop().run_in_executor(pool, asyncio.run, work)

        return call

    def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
        tools = {name: on_a_loop_of_its_own(tool) for name, tool in source.tools.items()}
        return run(replace(source, tools=tools), inputs)

    return call
