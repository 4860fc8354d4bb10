"""One Ctrl-C cancels the work, waits for its cleanup and raises ``KeyboardInterrupt``, promptly."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
import time
from collections.abc import Mapping

from matrix.model import Expected, Facts, Probe, Run, Source, expect


def _skip_when(facts: Facts) -> str | None:
    if not facts.main_thread:
        return "Python runs signal handlers in the main thread, and this call is made in another"
    if facts.suspendable and facts.running_loop is not None:
        return "the calling task sleeps and its loop goes on: Ctrl-C cancels the task, as where it awaits"
    if facts.evidence.get("server") == "uvicorn":
        return "uvicorn takes SIGINT for itself and ends the server: Ctrl-C does not mean an interrupt here"
    return None


PROBE = Probe(
    "cancels_on_ctrl_c",
    claim="one Ctrl-C cancels the work, waits for its cleanup and raises KeyboardInterrupt",
    promise="S6",
    isolated=True,
    skip_when=_skip_when,
)

_PROMPT = 2.0
"""Seconds from the key to the exception: a human's patience; a bridge needs milliseconds."""

_NATURAL_END = 3.0
"""Seconds until the work would end by itself, so that a deaf bridge shows as a failure, not a hang."""

_TEXT = """
name: long
steps:
  - id: wait
    tool: wait
outputs:
  value: "${steps.wait.output}"
"""


class _Work:
    """Presses Ctrl-C once it waits, and notes when its cleanup has ended."""

    def __init__(self) -> None:
        self.pressed_at = 0.0
        self.cleaned_up = False

    async def wait(self) -> str:
        asyncio.get_running_loop().call_soon(self._press)
        try:
            await asyncio.sleep(_NATURAL_END)
        finally:
            await asyncio.sleep(0.05)  # a cleanup that takes a while, as closing a connection does
            self.cleaned_up = True
        return "not interrupted"

    def _press(self) -> None:
        self.pressed_at = time.monotonic()
        os.kill(os.getpid(), signal.SIGINT)


def check(run: Run) -> None:
    handler = signal.getsignal(signal.SIGINT)
    work = _Work()
    try:
        outputs = run(Source(_TEXT, tools={"wait": work.wait}), {})
    except KeyboardInterrupt:
        elapsed, cleaned_up = time.monotonic() - work.pressed_at, work.cleaned_up
    else:
        raise Expected(of="the call that Ctrl-C met", wanted="KeyboardInterrupt", got=f"outputs {outputs!r}")

    expect(got=cleaned_up, wanted=True, of="whether cleanup had ended when KeyboardInterrupt came out")
    if elapsed > _PROMPT:
        raise Expected(of="time to KeyboardInterrupt", wanted=f"at most {_PROMPT} s", got=f"{elapsed:.1f} s")
    after = signal.getsignal(signal.SIGINT)
    expect(got=after == handler, wanted=True, of=f"whether SIGINT's handler is as before ({after!r})")
    expect(got=_cancellations_pending(), wanted=0, of="cancellations left to the caller's own task")
    outputs = run(Source(_TEXT, tools={"wait": _at_once}), {})
    expect(got=outputs["value"], wanted="well", of="the next call")


async def _at_once() -> str:
    return "well"


def _cancellations_pending() -> int:
    """Count cancel requests on the task that called: Ctrl-C must act once, not again at its next await."""
    with contextlib.suppress(RuntimeError):
        task = asyncio.current_task()
        return task.cancelling() if task is not None else 0
    return 0


def broken(run: Run) -> Run:
    """Raise at once and leave the work running behind, as a wait on a future in a thread does."""

    def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
        results: list[Mapping[str, object]] = []
        waiting, ended = threading.Event(), threading.Event()

        def work() -> None:
            waiting.wait()
            try:
                results.append(run(source, inputs))
            finally:
                ended.set()

        previous = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            threading.Thread(target=work, daemon=True).start()
            waiting.set()
            ended.wait()
        finally:
            signal.signal(signal.SIGINT, previous)
        return results[0]

    return call
