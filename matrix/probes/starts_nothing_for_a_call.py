"""A call of a process that has called before starts no thread, makes no loop and opens no file."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections import Counter
from collections.abc import Iterator, Mapping

from matrix.model import Probe, Run, Source, expect
from matrix.probes._threads import Starter, in_a_new_thread, starters_replaced

PROBE = Probe(
    "starts_nothing_for_a_call",
    claim="once the first call has been made, a call starts no thread, opens no socket and no file",
    promise="S20",
)

_CALLS = 20

_COUNTED = frozenset({"socket.__new__", "open"})
"""Python's audit events for what costs much. A loop that is made shows by the sockets that wake it."""

_TEXT = """
name: cheap
steps:
  - id: asynchronous
    tool: work
  - id: plain
    function: work
outputs:
  values: ["${steps.asynchronous.output}", "${steps.plain.output}"]
"""


async def _work() -> int:
    await asyncio.sleep(0)
    return 1


_SOURCE = Source(_TEXT, functions={"work": lambda: 1}, tools={"work": _work})

_counters: list[Counter[str]] = []


def check(run: Run) -> None:
    run(_SOURCE, {})
    with _counting() as events:
        for _ in range(_CALLS):
            run(_SOURCE, {})

    expect(got=dict(events), wanted={}, of=f"what {_CALLS} calls have started")


@contextlib.contextmanager
def _counting() -> Iterator[Counter[str]]:
    """Count thread starts and events of this process for the length of the block."""
    if _listen not in _listening:
        _listening.append(_listen)
        sys.addaudithook(_listen)
    counter: Counter[str] = Counter()

    def counting(starter: Starter) -> Starter:
        def start(*args: object, **options: object) -> object:
            counter["thread"] += 1
            return starter(*args, **options)

        return start

    _counters.append(counter)
    try:
        with starters_replaced(counting):
            yield counter
    finally:
        _counters.clear()


_listening: list[object] = []
"""An audit hook cannot be taken away, so there is one, which counts nothing most of the time."""


def _listen(event: str, _arguments: tuple[object, ...]) -> None:
    if _counters and event in _COUNTED:
        for counter in _counters:
            counter[event] += 1


def broken(run: Run) -> Run:
    """Start a thread for each call, as the usual repair does."""

    def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
        return in_a_new_thread(run, source, inputs)

    return call
