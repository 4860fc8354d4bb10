"""Work that waits for the loop which its own caller keeps standing still is told so, and at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from concurrent.futures import Future

from matrix.model import Expected, Facts, Probe, Run, Source, expect
from matrix.probes._patience import giving_up
from matrix.probes._threads import in_a_new_thread


def _skip_when(facts: Facts) -> str | None:
    if facts.running_loop is None:
        return "no loop runs in the calling thread that the work could wait for"
    if facts.suspendable:
        return "a greenlet suspends the calling task: its loop goes on"
    if facts.running_loop == "uvloop.Loop":
        return "uvloop shows nobody the callbacks that it has yet to call, so the circle cannot be proven"
    return None


PROBE = Probe(
    "refuses_a_circular_wait",
    claim="work that waits for the loop that its caller blocks ends in an error that says so, not in a hang",
    promise="S11",
    skip_when=_skip_when,
)

_TEXT = """
name: circle
steps:
  - id: work
    tool: work
outputs:
  value: "${steps.work.output}"
"""


class _Work:
    """Asks the caller's loop for an answer, as a client does that was made on it."""

    def __init__(self, host: asyncio.AbstractEventLoop) -> None:
        self.begun = threading.Event()
        self._host = host
        self._promise: Future[str] | None = None

    async def ask(self) -> str:
        self._promise = asyncio.run_coroutine_threadsafe(self._answer(), self._host)
        self.begun.set()
        return await asyncio.wrap_future(self._promise)

    async def _answer(self) -> str:
        return "an answer"

    def give_up(self) -> None:
        """End the wait from outside; a timer on the loop would be one more thing that can still happen."""
        if self._promise is not None:
            self._promise.cancel()


def check(run: Run) -> None:
    work = _Work(asyncio.get_running_loop())
    with giving_up(work.begun, work.give_up) as patience:
        error = _error_of(run, Source(_TEXT, tools={"work": work.ask}))

    of = "a wait for the loop that the caller blocks"
    if patience.ended:
        raise Expected(of=of, wanted="an error", got="nothing, until the work was made to give up")
    if not isinstance(error, Exception) or "await" not in str(error):
        raise Expected(of=of, wanted="an error that says what to await instead", got=repr(error)) from error
    outputs = run(Source(_TEXT, tools={"work": _at_once}), {})
    expect(got=outputs["value"], wanted="well", of="the next call")


def _error_of(run: Run, source: Source) -> BaseException | None:
    try:
        run(source, {})
    except BaseException as error:  # noqa: BLE001 - who is made to give up raises CancelledError
        return error
    return None


async def _at_once() -> str:
    return "well"


def broken(run: Run) -> Run:
    """Wait in another thread, where nobody can see which loop stands still meanwhile."""

    def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
        return in_a_new_thread(run, source, inputs)

    return call
