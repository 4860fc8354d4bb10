"""A thread that waits for the next call takes no signal: a program may have blocked it in its main thread.

Celery's pool process does so as it ends, for the time that it holds a lock which all processes share. A
thread that was open to the signal took it there, the process died with the lock, and no task of the pool ran
again.
"""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from typing import Any

from matrix.model import AnyFunction, Probe, Run, Source, expect
from matrix.probes._signal_masks import blocked_in, only_where_masks_are_shown, sleep_of

PROBE = Probe(
    "blocks_signals_on_its_threads",
    claim="the thread that does the work blocks the program's signals as soon as it has nothing to do",
    promise="S8",
    skip_when=only_where_masks_are_shown,
)

_TEXT = """
name: thread
steps:
  - id: thread
    tool: thread
outputs:
  thread: "${steps.thread.output}"
"""

_LIMIT = 5.0
"""Seconds until the thread has to be at rest: a bridge needs a millisecond."""
_REST = 0.1
"""Seconds of one and the same sleep from which on a thread is at rest."""


async def _thread() -> int:
    return threading.get_native_id()


def check(run: Run) -> None:
    thread = run(Source(_TEXT, tools={"thread": _thread}), {})["thread"]
    assert isinstance(thread, int)
    wanted = {signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM}
    of_threads = {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT}
    if thread == threading.get_native_id():
        return
    blocked = _blocked_at_rest(thread, wanted)
    missing = set() if blocked is None else {number.name for number in wanted - blocked}
    expect(got=missing, wanted=set(), of="signals that the idle thread would take")
    hidden = set() if blocked is None else {number.name for number in of_threads & blocked}
    expect(got=hidden, wanted=set(), of="signals of the thread's own mistakes that it would not get")


def _blocked_at_rest(thread: int, wanted: set[signal.Signals]) -> set[int] | None:
    """Return what the thread blocks as soon as that is all that is wanted, or when it is at rest."""
    sleep, since = None, time.monotonic()
    until = since + _LIMIT
    while (blocked := blocked_in(thread)) is not None and not wanted <= blocked:
        now, seen = time.monotonic(), sleep_of(thread)
        if seen is None or seen != sleep:
            sleep, since = seen, now
        if now > until or now - since > _REST:
            break
        time.sleep(0.001)
    return blocked


def broken(run: Run) -> Run:
    """Let a plain thread of a loop do the work, which waits with the mask that it was started with."""

    def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=_serve, args=(loop,), daemon=True)
        thread.start()
        return run(
            replace(source, tools={name: _there(loop, fn) for name, fn in source.tools.items()}), inputs
        )

    return call


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    loop.call_later(2 * _LIMIT, loop.stop)
    try:
        loop.run_forever()
    finally:
        loop.close()


def _there(loop: asyncio.AbstractEventLoop, tool: AnyFunction) -> AnyFunction:
    async def call(**arguments: object) -> object:
        work: Coroutine[Any, Any, object] = tool(**arguments)  # type: ignore[assignment]  # it is async
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, loop))

    return call
