"""Locks and queues made in one call are good in the next, from whichever thread it comes."""

from __future__ import annotations

import asyncio

from matrix.model import Expected, Probe, Run, Source, expect
from matrix.probes._loops import with_a_loop_for_each_call
from matrix.probes._threads import in_a_new_thread

PROBE = Probe(
    "runs_on_one_loop",
    claim="calls from any thread run on one loop: locks and queues made in one work in the next",
    promise="S4",
)

_TEXT = """
name: one loop
inputs:
  letter: {type: string}
steps:
  - id: work
    tool: work
    with: {letter: "${inputs.letter}"}
outputs:
  taken: "${steps.work.output}"
"""


class _Shared:
    """What a user keeps at module level: made by the first call, used by all."""

    def __init__(self) -> None:
        self.loops: list[asyncio.AbstractEventLoop] = []
        self.lock: asyncio.Lock | None = None
        self.queue: asyncio.Queue[str] | None = None

    async def work(self, letter: str) -> str:
        self.loops.append(asyncio.get_running_loop())
        if self.lock is None or self.queue is None:
            self.lock, self.queue = asyncio.Lock(), asyncio.Queue()
        # Three at once: a lock binds itself to a loop the first time that somebody has to wait for it.
        first, *_ = await asyncio.gather(*(self._pass_on(self.lock, self.queue, letter) for _ in range(3)))
        return first

    async def _pass_on(self, lock: asyncio.Lock, queue: asyncio.Queue[str], letter: str) -> str:
        async with lock:
            await queue.put(letter)
            await asyncio.sleep(0)
            return await queue.get()


def check(run: Run) -> None:
    shared = _Shared()
    source = Source(_TEXT, tools={"work": shared.work})

    taken = [_call(run, source, "a"), _call(run, source, "b")]
    taken.append(in_a_new_thread(_call, run, source, "c"))
    taken.append(_call(run, source, "d"))

    expect(got=taken, wanted=["a", "b", "c", "d"], of="letters passed on")
    same = [loop is shared.loops[0] for loop in shared.loops]
    expect(got=same, wanted=[True] * 4, of="whether each call ran on the first call's loop")


def _call(run: Run, source: Source, letter: str) -> object:
    try:
        return run(source, {"letter": letter})["taken"]
    except RuntimeError as error:
        of = f"call {letter!r} with the shared lock"
        raise Expected(of=of, wanted="a letter", got=repr(error)) from error


def broken(run: Run) -> Run:
    """Make a loop for each call, so that whatever is bound to the first one fails in the second."""
    return with_a_loop_for_each_call(run)
