"""Real calls in the situations that a process can set up by itself, each in a child process of its own.

A child prints one line of JSON: what it has seen. Whoever starts it looks at that, and at whether it ends.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable

from agent_runtime.api.functions import run_workflow
from agent_runtime.bridge import call_in_caller, call_in_worker, run_sync

__all__ = ("SITUATIONS", "main")

_WORKFLOW = """
name: doctor
steps:
  - {id: here, function: here}
  - {id: there, function: here, thread: worker}
outputs: {here: "${steps.here.output}", there: "${steps.there.output}"}
"""


class SituationError(Exception):
    """A call did not do what it promises."""


async def _threads() -> tuple[int, int, int]:
    """Return the thread of the loop, of the caller, of a worker."""
    here = threading.get_ident()
    return here, await call_in_caller(threading.get_ident), await call_in_worker(threading.get_ident)


def _call() -> str:
    began = time.perf_counter()
    loop, caller, worker = run_sync(_threads)
    if caller != threading.get_ident() or len({loop, caller, worker}) != 3:
        raise SituationError("plain functions did not run on the threads that they belong to")
    return f"a call took {(time.perf_counter() - began) * 1e3:.1f} ms, the start of the loop thread included"


def script() -> str:
    """Call in a plain script."""
    return _call()


def running_loop() -> str:
    """Call where an event loop runs in the calling thread."""

    async def host() -> str:
        loop = asyncio.get_running_loop()
        told = _call()
        if asyncio.get_running_loop() is not loop:
            raise SituationError("the running loop was not put back")
        await asyncio.sleep(0)
        return told

    with asyncio.Runner() as runner:
        return runner.run(host())


def thread() -> str:
    """Call in a thread that is not the main one."""
    told: list[str] = []
    other = threading.Thread(target=lambda: told.append(_call()))
    other.start()
    other.join()
    if not told:
        raise SituationError("the call in the thread failed; its traceback stands above")
    return told[0]


def forked_child() -> str:
    """Call in a child that was forked after a call, and then in the parent."""
    _call()
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(theirs, _call().encode())
        finally:
            os._exit(0)
    os.close(theirs)
    _, status = os.waitpid(child, 0)
    told = os.read(ours, 1000).decode()
    if status != 0 or not told:
        raise SituationError("the call in the forked child failed")
    _call()
    return told


def ctrl_c() -> str:
    """Press Ctrl-C during a call: it is to cancel the work and to raise KeyboardInterrupt."""
    begun, cleaned_up = threading.Event(), threading.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.sleep(3600)
        finally:
            cleaned_up.set()

    def press() -> None:
        begun.wait()
        os.kill(os.getpid(), signal.SIGINT)

    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=press, daemon=True).start()
    try:
        run_sync(work)
    except KeyboardInterrupt:
        if not cleaned_up.is_set():
            raise SituationError("the work had not cleaned up") from None
        return "one press cancelled the work, and its cleanup was waited for"
    raise SituationError("the press did nothing")


def workflow() -> str:
    """Run a workflow with steps on two threads."""
    outputs = run_workflow(_WORKFLOW, functions={"here": threading.get_ident}).outputs
    if outputs["here"] != threading.get_ident() or outputs["there"] == outputs["here"]:
        raise SituationError("steps did not run on the threads that they ask for")
    return "two steps ran on the threads that they ask for"


SITUATIONS: dict[str, Callable[[], str]] = {
    "script": script,
    "running_loop": running_loop,
    "thread": thread,
    "workflow": workflow,
}
if hasattr(os, "fork"):
    SITUATIONS["forked_child"] = forked_child
if sys.platform != "win32":
    SITUATIONS["ctrl_c"] = ctrl_c


def main(name: str) -> None:
    """Set up a situation, call, and print what came of it."""
    print(json.dumps(SITUATIONS[name]()), flush=True)
