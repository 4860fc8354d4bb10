"""In a process of its own: one candidate, called many times over whenever the parent asks.

``python -m benchmarks.latency_child KEY`` reads a number of calls from each line of its input and
answers with the seconds they took; the end of the input ends it. With ``cpu`` behind the key the seconds are
those of the processor, in all threads of the process.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
import time

from benchmarks.candidates import CANDIDATES
from benchmarks.model import Candidate, SyncFn, Where

__all__ = ("main",)

WARM_UP = 200
"""Calls before the first measurement: threads are started, caches and the specialising interpreter warm."""


async def noop() -> None:
    """Do nothing: what remains is the way there and back."""


def main() -> None:
    """Measure the candidate of the command line, where it says it is called from."""
    candidate = CANDIDATES[sys.argv[1]]
    if candidate.where is Where.LOOP:
        asyncio.run(_inside_a_loop(candidate))
    elif candidate.where is Where.WORKER:
        thread = threading.Thread(target=_serve, args=(candidate,))
        thread.start()
        thread.join()
    else:
        _serve(candidate)
    sys.stdout.flush()
    os._exit(0)  # threads that a candidate has left do not matter any more


async def _inside_a_loop(candidate: Candidate) -> None:
    _serve(candidate)


def _serve(candidate: Candidate) -> None:
    with candidate.opener(noop) as call:
        _timed(call, WARM_UP)
        print("ready", flush=True)
        for line in sys.stdin:
            gc.collect()  # and left on: a candidate that leaves cycles pays for them, as its users do
            print(_timed(call, int(line)), flush=True)


def _timed(call: SyncFn, calls: int) -> float:
    clock = time.process_time if sys.argv[2:] == ["cpu"] else time.perf_counter
    started = clock()
    for _ in range(calls):
        call()
    return clock() - started


if __name__ == "__main__":
    main()
