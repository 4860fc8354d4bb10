"""In a process of its own: many threads, all in a sync call of one candidate at once.

``python -m benchmarks.crowd_child KEY CALLERS SECONDS`` says "waiting" when its threads stand ready, lets
them go at the next line of its input, and answers with what happened as JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import time
from _queue import SimpleQueue
from dataclasses import dataclass, field

from benchmarks.candidates import CANDIDATES
from benchmarks.candidates.by_hand import FLOOR
from benchmarks.model import SyncFn

__all__ = ("main",)

STACK_BYTES = 256 * 1024
"""For each calling thread: what a thousand of them reserve is not what is being measured."""


@dataclass
class Record:
    """What the callers saw; each appends, which no other thread can come between."""

    callers: int
    begun: list[float] = field(default_factory=list)
    ended: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


class Gates:
    """Where threads wait for one another."""

    def __init__(self) -> None:
        self.entry: SimpleQueue[None] = SimpleQueue()
        self.end: SimpleQueue[None] = SimpleQueue()
        self.exit: SimpleQueue[None] = SimpleQueue()


def main() -> None:
    """Let the candidate's callers stand ready, go, and be counted."""
    key, callers, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    candidate = FLOOR if key == FLOOR.key else CANDIDATES[key]
    threading.stack_size(STACK_BYTES)

    async def work() -> None:
        await (asyncio.sleep(seconds) if key != FLOOR.key else _block(seconds))

    with candidate.opener(work) as call:
        call()
        record = _gather(call, callers)
        print(json.dumps(_summary(record)), flush=True)
        os._exit(0)  # some candidates would now join thousands of threads


async def _block(seconds: float) -> None:
    time.sleep(seconds)  # noqa: ASYNC251 - no loop runs: the floor is what threads alone cost


def _gather(call: SyncFn, callers: int) -> Record:
    record = Record(callers)
    gates = Gates()
    for _ in range(callers):
        threading.Thread(target=_caller, args=(call, gates, record), daemon=True).start()
    print("waiting", flush=True)
    sys.stdin.readline()
    for _ in range(callers):
        gates.entry.put(None)
    gates.end.get()
    return record


def _caller(call: SyncFn, gates: Gates, record: Record) -> None:
    gates.entry.get()
    begun = time.perf_counter()
    record.begun.append(begun)
    try:
        call()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a result
        record.failures.append(f"{type(error).__name__}: {error}")
    ended = time.perf_counter()
    record.seconds.append(ended - begun)
    record.ended.append(ended)
    if len(record.ended) == record.callers:
        gates.end.put(None)
    gates.exit.get()  # stay, to be counted


def _summary(record: Record) -> dict[str, object]:
    return {
        "wall_seconds": max(record.ended) - min(record.begun),
        "longest_seconds": max(record.seconds),
        "failures": len(record.failures),
        "problem": record.failures[0] if record.failures else "",
    }


if __name__ == "__main__":
    main()
