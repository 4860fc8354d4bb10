"""After a call the system holds the same handlers as before, also those that Python knows nothing of.

A host in C (uWSGI, say) sets its handlers behind Python's back. Setting and restoring SIGINT through Python
then leaves Python's handler there for good, and the server does not end any more.
"""

from __future__ import annotations

import contextlib
import ctypes
import signal
from collections.abc import Mapping
from dataclasses import replace

from matrix.model import Probe, Run, Source, expect
from matrix.probes._sigactions import (
    changes,
    handler_of,
    look_at_sigactions,
    only_where_sigactions_can_be_read,
    put_sigactions_back,
)

PROBE = Probe(
    "leaves_c_signal_handlers",
    claim="a call leaves what the system holds for signals as it was: handlers in C, flags and masks",
    promise="S8",
    skip_when=only_where_sigactions_can_be_read,
)

_TEXT = """
name: signals
steps:
  - {id: waits, tool: waits}
  - {id: works, function: works}
  - {id: calls, function: calls}
outputs:
  inner: "${steps.calls.output}"
"""


_INNER = "steps: [{id: waits, tool: waits}]\noutputs: {said: '${steps.waits.output}'}\n"


async def _wait() -> str:
    return "waited"


def check(run: Run) -> None:
    before = look_at_sigactions()
    during: list[dict[str, bytes]] = []

    async def look() -> None:
        during.append(look_at_sigactions())

    inner = Source(_INNER, tools={"waits": _wait})
    source = Source(
        _TEXT,
        functions={"works": lambda: "worked", "calls": lambda: run(inner, {})["said"]},
        tools={"waits": look},
    )
    try:
        said = run(source, {})["inner"]
        changed = changes(before, look_at_sigactions())
        with contextlib.suppress(ValueError):
            run(replace(source, functions={"works": _fail, "calls": _fail}), {})
        changed_by_failure = changes(before, look_at_sigactions())
    finally:
        put_sigactions_back(before)

    expect(got=said, wanted="waited", of="a call inside the call")
    expect(got=changed, wanted={}, of="changes by a call")
    expect(got=changed_by_failure, wanted={}, of="changes by a failing call")
    taken = {name for name, raw in before.items() if handler_of(raw) != handler_of(during[0][name])}
    expect(got=taken, wanted=set(), of="signals that were somebody else's during the call")


def _fail() -> str:
    raise ValueError("a failing step")


def broken(run: Run) -> Run:
    """Leave a handler behind that only the system knows of, for a signal that Python does not handle."""

    def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
        system = ctypes.CDLL(None)
        handler = ctypes.cast(system.abs, ctypes.c_void_p).value or 0
        raw = handler.to_bytes(ctypes.sizeof(ctypes.c_void_p), "little").ljust(256, b"\0")
        outputs = run(source, inputs)
        system.sigaction(int(signal.SIGUSR2), raw, None)
        return outputs

    return call
