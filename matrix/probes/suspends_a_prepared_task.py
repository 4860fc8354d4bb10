"""Where greenback or SQLAlchemy can suspend the task, a call does so: the caller's loop goes on."""

from __future__ import annotations

import asyncio
import concurrent.futures
import sys
import threading
from collections.abc import Callable, Mapping

from matrix.model import Expected, Facts, Probe, Run, Source, expect
from matrix.probes._patience import patiently
from matrix.probes._threads import in_a_new_thread


def _skip_when(facts: Facts) -> str | None:
    return None if facts.suspendable else "no greenlet can suspend the code that calls"


PROBE = Probe(
    "suspends_a_prepared_task",
    claim="a call made where greenback or SQLAlchemy can suspend the task lets the task's loop go on",
    promise="S10",
    skip_when=_skip_when,
)

_TEXT = """
name: question
steps:
  - id: ask
    tool: ask
  - id: note
    function: note
    with: {answer: "${steps.ask.output}"}
outputs:
  value: "${steps.note.output}"
"""


class _Host:
    """The loop of the task that calls, asked from outside for an answer."""

    def __init__(self) -> None:
        self._soon = _soon_here()
        self.answered_on = 0
        self.noted_on = 0

    async def ask(self) -> str:
        """Wait, on whatever loop this step runs, until the caller's loop has answered."""
        promise: concurrent.futures.Future[str] = concurrent.futures.Future()
        self._soon(lambda: self._answer(promise))
        patience = asyncio.ensure_future(patiently())
        answer = asyncio.wrap_future(promise)
        await asyncio.wait((answer, patience), return_when=asyncio.FIRST_COMPLETED)
        patience.cancel()
        return answer.result() if answer.done() else "no answer before the call's end"

    def _answer(self, promise: concurrent.futures.Future[str]) -> None:
        self.answered_on = threading.get_ident()
        promise.set_result("an answer")

    def note(self, answer: str) -> str:
        """Tell on which thread a def step runs meanwhile."""
        self.noted_on = threading.get_ident()
        return answer


def _soon_here() -> Callable[[Callable[[], None]], object]:
    """Return what calls a function on the loop of this thread, soon and from any thread."""
    trio = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_task():
        soon: Callable[[Callable[[], None]], object] = trio.lowlevel.current_trio_token().run_sync_soon
        return soon
    return asyncio.get_running_loop().call_soon_threadsafe


def check(run: Run) -> None:
    host = _Host()
    outputs = run(Source(_TEXT, tools={"ask": host.ask}, functions={"note": host.note}), {})
    here = threading.get_ident()

    expect(got=outputs["value"], wanted="an answer", of="what the caller's loop answered during the call")
    if host.noted_on != here:
        raise Expected(of="the thread of a def step", wanted=f"the caller's, {here}", got=str(host.noted_on))
    expect(got=host.answered_on, wanted=here, of="the thread that answered")


def broken(run: Run) -> Run:
    """Block the loop all the same, as a call does that knows nothing of greenback."""

    def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
        return in_a_new_thread(run, source, inputs)

    return call
